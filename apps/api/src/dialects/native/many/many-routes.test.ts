import { OpenAPIHono } from '@hono/zod-openapi'
import { AppError, createShowPrediction } from '@onqueue/shared'
import { beforeEach, expect, test } from 'vitest'
import type { ApiEnvironment } from '../../../http/api-environment.ts'
import { problemResponse } from '../../../http/errors/problem.ts'
import { refuseInvalid } from '../../../http/errors/refuse-invalid.ts'
import { UnderWay } from '../../../http/under-way.ts'
import { predictionRecord, succeeded } from '../../../predictions/prediction-record.fixture.ts'
import type { FoundPrediction } from '../../../predictions/read-prediction.ts'
import { predictionListRoutes } from '../prediction-list-routes.ts'
import { cancelManyRoute } from './cancel-many-route.ts'
import { readManyRoute } from './read-many-route.ts'

const publicUrl = 'https://ml.example.com'
const gone = (id: string) => new AppError('prediction_not_found', 'no such prediction', { extra: { id } })
const found = (id: string): FoundPrediction =>
  id.startsWith('iris-') ? predictionRecord({ id, input: 'in', outcome: succeeded }) : gone(id)

let underWay: UnderWay
let arrivedAt: number
/** How long was waited, and for how many. */
let waits: { count: number; waitMs: number; until: string; waitsOpen: number; bytes: number }[]
/** Ids that a page has room for. */
let room: number
/** What canceled ones have of metadata and errors. */
let longBytes: number
beforeEach(() => {
  underWay = new UnderWay(10_000_000, { bodies: 1, streams: 1, waits: 1, transfers: 1 })
  arrivedAt = performance.now()
  waits = []
  room = 1000
  longBytes = 0
})

/** Whether the key has a wait open; it may have one. */
const countOpenWaits = () => {
  try {
    underWay.open('waits', 'alice')()
    return 0
  } catch {
    return 1
  }
}

const predictions = {
  show: createShowPrediction({ publicUrl, retentionMs: 1000, tokens: { sign: () => 'token' } }),
  placeOf: () => undefined,
  readMany: async (ids: readonly string[]) => ({
    found: ids.slice(0, room).map(found),
    left: ids.slice(room),
  }),
  cancelMany: async (ids: readonly string[], { onLong }: { onLong: (bytes: number) => void }) => {
    onLong(longBytes)
    return ids.map(found)
  },
  watchMany: async (ids: readonly string[], { waitMs, until }: { waitMs: number; until: string }) => {
    waits.push({ count: ids.length, waitMs, until, waitsOpen: countOpenWaits(), bytes: underWay.bytes })
  },
  list: async () => ({ records: [predictionRecord()], next: null, previous: null }),
}

const app = new OpenAPIHono<ApiEnvironment>({ defaultHook: refuseInvalid })
app.use((c, next) => {
  c.set('owner', 'alice')
  c.set('requestId', 'req-1')
  c.set('arrivedAt', arrivedAt)
  c.set('underWay', underWay)
  return next()
})
app.onError((err, c) =>
  problemResponse(c, err instanceof AppError ? err : new AppError('internal_error', err.message)),
)
app.route('/', readManyRoute({ predictions }))
app.route('/', cancelManyRoute({ predictions }))
app.route('/', predictionListRoutes({ predictions, publicUrl }))

const post = async (path: string, body: unknown) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await app.request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) },
    body: text,
  })
  return { status: response.status, body: JSON.parse(await response.text()) }
}
const read = (body: unknown) => post('/v1/predictions/read', body)
const get = async (path: string) => {
  const response = await app.request(path)
  return { status: response.status, body: JSON.parse(await response.text()) }
}

test('predictions are shown whole and in order, and a problem stands for one that is not there', async () => {
  const { status, body } = await read({ ids: ['iris-2', 'other', 'iris-1', 'iris-2'] })

  expect(status).toBe(200)
  expect(body.results.map(({ id }: { id: string }) => id)).toEqual(['iris-2', 'other', 'iris-1', 'iris-2'])
  expect(body.results[0]).toMatchObject({
    object: 'prediction',
    input: 'in',
    output: { prediction: 'setosa' },
    urls: { get: 'https://ml.example.com/v1/predictions/iris-2' },
  })
  expect(body.results[1]).toEqual({
    type: 'urn:onqueue:error:prediction_not_found',
    title: 'Prediction not found',
    status: 404,
    detail: 'no such prediction',
    code: 'prediction_not_found',
    id: 'other',
  })
  expect(body.next).toBe(null)
  expect(waits).toEqual([])
})

test('ids that are left come as next', async () => {
  room = 2

  const { body } = await read({ ids: ['iris-1', 'iris-2', 'iris-3', 'iris-4'] })

  expect(body.results).toHaveLength(2)
  expect(body.next).toEqual(['iris-3', 'iris-4'])
})

test('canceled ones are shown as lists do', async () => {
  const { status, body } = await post('/v1/predictions/cancel', { ids: ['iris-1', 'other'] })

  expect(status).toBe(200)
  expect(body.results).toMatchObject([
    { id: 'iris-1', status: 'succeeded' },
    { id: 'other', code: 'prediction_not_found' },
  ])
  expect(body.results[0]).not.toHaveProperty('input')
  expect(body.results[0]).not.toHaveProperty('output')
})

const thousand = 'takes 1 to 1,000 ids; ask for the others in another request'
const oneId = 'takes the id of a prediction, which has 1 to 90 characters'
const manyIds = (count: number) => Array.from({ length: count }, (_, index) => `iris-${index}`)

test.each([
  [{}, '/ids', 'is missing'],
  [{ ids: [] }, '/ids', thousand],
  [{ ids: manyIds(1001) }, '/ids', thousand],
  [{ ids: 'iris-1' }, '/ids', 'expected array, received string'],
  [{ ids: ['iris-1', 'iris-2', 'iris-3', 4] }, '/ids/3', 'expected string, received number'],
  [{ ids: ['iris-1', ''] }, '/ids/1', oneId],
  [{ ids: ['x'.repeat(91)] }, '/ids/0', oneId],
  [{ ids: ['iris-1'], wait: -1 }, '/wait', 'takes seconds, from 0 to 55'],
  [{ ids: ['iris-1'], wait: 55.5 }, '/wait', 'takes seconds, from 0 to 55'],
  [{ ids: ['iris-1'], wait: '10' }, '/wait', 'expected number, received string'],
  [{ ids: ['iris-1'], until: 'some' }, '/until', 'takes "all" or "any"'],
  [{ ids: ['iris-1'], id: 'iris-1' }, '/id', 'is not a field here'],
  [['iris-1'], '', 'is an array; did you mean {"ids": […]}?'],
])('%j is refused at %s: %s', async (asked, pointer, detail) => {
  const { status, body } = await read(asked)

  expect(status).toBe(422)
  expect(body).toMatchObject({ code: 'invalid_input', errors: [{ pointer, detail }] })
  expect(body.detail).not.toMatch(/iris-1|some|xxx/)
})

test('a cancel takes ids and nothing else', async () => {
  const { status, body } = await post('/v1/predictions/cancel', { ids: manyIds(1001), wait: 1 })

  expect(status).toBe(422)
  expect(body.errors).toEqual([
    { pointer: '/ids', detail: thousand },
    { pointer: '/wait', detail: 'is not a field here' },
  ])
})

test('of many ids that are none twenty are told of at the most', async () => {
  const { body } = await read({ ids: Array.from({ length: 1000 }, () => 1) })
  const { body: tooMany } = await read(`{"ids":[${'1,'.repeat(60_000)}1]}`)

  expect(body.errors).toHaveLength(20)
  expect(tooMany.errors).toEqual([{ pointer: '/ids', detail: thousand }])
})

test('a thousand of the longest ids are read, each in a line of its own, and no body that is longer', async () => {
  const ids = Array.from({ length: 1000 }, (_, index) => `iris-${index}`.padEnd(90, 'x'))

  expect((await read(JSON.stringify({ ids }, null, 4))).body.results).toHaveLength(1000)
  expect(await read(`${JSON.stringify({ ids })}${' '.repeat(50_000)}`)).toMatchObject({
    status: 413,
    body: { code: 'body_too_large' },
  })
})

test.each(['/v1/predictions/read', '/v1/predictions/cancel'])('%s has no query', async (path) => {
  expect(await post(`${path}?wait=10`, { ids: ['iris-1'] })).toMatchObject({
    status: 400,
    body: { detail: "the query can't be used: wait: is not a parameter here; this path takes none" },
  })
})

test('a wait is one of its key, however many it waits for, and holds memory as long as it lasts', async () => {
  await read({ ids: manyIds(1000), wait: 25, until: 'any' })

  expect(waits).toMatchObject([{ count: 1000, until: 'any', waitsOpen: 1, bytes: 512_000 }])
  expect(waits[0]?.waitMs).toBeGreaterThan(0)
  expect(waits[0]?.waitMs).toBeLessThanOrEqual(25_000)
  expect([countOpenWaits(), underWay.bytes]).toEqual([0, 0])
})

test('a wait is for all where nothing is said', async () => {
  await read({ ids: ['iris-1'], wait: 55 })

  expect(waits).toMatchObject([{ until: 'all' }])
})

test('a wait counts from the arrival of the request', async () => {
  arrivedAt = performance.now() - 10_000

  await read({ ids: ['iris-1'], wait: 30 })
  await read({ ids: ['iris-1'], wait: 10 })

  expect(waits).toHaveLength(1)
  expect(waits[0]?.waitMs).toBeLessThanOrEqual(20_000)
  expect(waits[0]?.waitMs).toBeGreaterThan(19_000)
})

test('a key that has no more waits is refused one, and may read without', async () => {
  underWay.open('waits', 'alice')

  expect(await read({ ids: ['iris-1'], wait: 1 })).toMatchObject({
    status: 429,
    body: { code: 'too_many_open' },
  })
  expect((await read({ ids: ['iris-1'] })).status).toBe(200)
})

test('while too much is under way many are refused before anything is done', async () => {
  underWay.count(9_000_000)
  const ids = manyIds(1000)

  for (const path of ['/v1/predictions/read', '/v1/predictions/cancel'])
    expect(await post(path, { ids })).toMatchObject({ status: 503, body: { code: 'server_busy' } })
  expect((await read({ ids: ids.slice(0, 100) })).status).toBe(200)
  expect(underWay.bytes).toBe(9_000_000)
})

test('a cancel of what has long metadata and errors is refused where these are too much', async () => {
  longBytes = 5_000_000

  expect(await post('/v1/predictions/cancel', { ids: ['iris-1'] })).toMatchObject({
    status: 503,
    body: { code: 'server_busy' },
  })
  longBytes = 4_000_000
  expect((await post('/v1/predictions/cancel', { ids: ['iris-1'] })).status).toBe(200)
  expect(underWay.bytes).toBe(0)
})

test('a list of ids has the shape of a list, and a link with the ids that are left', async () => {
  room = 2

  const bare = await get('/v1/predictions?ids=iris-1,other,iris-2,iris-3')
  const whole = await get('/v1/predictions?include=output&ids=iris-1,iris-2')

  expect(bare.status).toBe(200)
  expect(bare.body).toMatchObject({
    results: [{ id: 'iris-1' }, { id: 'other', status: 404 }],
    next: 'https://ml.example.com/v1/predictions?ids=iris-2%2Ciris-3',
    previous: null,
  })
  expect(bare.body.results[0]).not.toHaveProperty('input')
  expect(whole.body).toMatchObject({
    results: [{ output: { prediction: 'setosa' } }, { id: 'iris-2' }],
    next: null,
    previous: null,
  })
})

test.each([
  ['model=iris', 'model'],
  ['limit=20', 'limit'],
  ['status=failed&cursor=x', 'status and cursor'],
  [
    'created_after=2026-01-01T00:00:00Z&created_before=2026-01-01T00:00:00Z',
    'created_after and created_before',
  ],
])('ids and %s together are refused', async (query, names) => {
  expect(await get(`/v1/predictions?ids=iris-1&${query}`)).toMatchObject({
    status: 400,
    body: { detail: `the query can't be used: ids: says which predictions, so leave out ${names}` },
  })
})

test.each(['', 'iris-1,', `${'x'.repeat(91)}`, manyIds(101).join(',')])(
  'a list of ids that is none is refused (case %#)',
  async (ids) => {
    expect(await get(`/v1/predictions?ids=${ids}`)).toMatchObject({
      status: 400,
      body: {
        detail:
          "the query can't be used: ids: takes 1 to 100 ids, with commas in between; POST /v1/predictions/read takes 1,000",
      },
    })
  },
)

test('a hundred ids are one list', async () => {
  expect((await get(`/v1/predictions?ids=${manyIds(100).join(',')}`)).body.results).toHaveLength(100)
})
