import { describe, expect, test } from 'vitest'
import { cardSchema, cardUrls, toCard } from './card.ts'
import { modelEntry, servedVersion } from './model-entry.fixture.ts'

const urls = cardUrls('http://127.0.0.1:8080', 'iris')
const idle = { count: 0, oldestAgeSeconds: null }

test('the card of a ready model', () => {
  const card = toCard(modelEntry('iris'), { count: 3, oldestAgeSeconds: 1.5 }, urls)

  expect(card).toEqual({
    object: 'model',
    name: 'iris',
    status: 'ready',
    warnings: [],
    description: 'Species of an iris flower',
    task: 'tabular-classification',
    default_version: '1',
    versions: [{ version: '1', id: 'd1'.repeat(32), digest: 'd1'.repeat(32), status: 'ready' }],
    input_schema: {
      type: 'object',
      properties: { features: { type: 'array', items: { type: 'number' }, minItems: 4, maxItems: 4 } },
      required: ['features'],
      additionalProperties: false,
    },
    output_schema: {
      type: 'object',
      properties: { prediction: { enum: ['setosa', 'versicolor', 'virginica'] } },
      required: ['prediction'],
    },
    example: { features: [5.1, 3.5, 1.4, 0.2] },
    batching: {
      enabled: true,
      max_rows: 64,
      row_limit: 64,
      row_limit_reason: 'batching.max_rows allows no more',
      max_wait_ms: 2,
      reason: null,
    },
    providers: ['cpu'],
    takes_batches: true,
    memory_bytes: 1000,
    workers: 1,
    backlog: { waiting: 3, oldest_age: 1.5 },
    urls: {
      get: 'http://127.0.0.1:8080/v1/models/iris',
      predict: 'http://127.0.0.1:8080/v1/models/iris/predict',
      predictions: 'http://127.0.0.1:8080/v1/models/iris/predictions',
    },
  })
  expect(cardSchema.parse(card)).toEqual(card)
})

test('workers with another storage than the API are warned of, not those that do not tell', () => {
  const beat = (storage?: string) => ({
    workerId: 'w',
    at: 0,
    rowsPerSecond: 1,
    versions: [],
    ...(storage === undefined ? {} : { storage }),
  })
  const entry = modelEntry('iris', { heartbeats: [beat('s'), beat('t'), beat()] })

  expect(toCard(entry, idle, urls, 's').warnings).toEqual([
    expect.stringMatching(/^1 of 3 workers have another storage \(t\) than this server \(s\)/),
  ])
  expect(toCard(entry, idle, urls).warnings).toEqual([])
})

test('the card says that no batches are taken', () => {
  expect(toCard(modelEntry('iris', { card: { takesBatches: false } }), idle, urls).takes_batches).toBe(false)
})

describe('how many rows run together at present', () => {
  const digest = 'd1'.repeat(32)
  const beat = (rowLimit: { rows: number; reason: string } | undefined, of = digest) => ({
    workerId: `worker ${rowLimit?.rows}`,
    at: 0,
    rowsPerSecond: 1,
    versions: [
      { version: '1', digest: of, status: 'ready' as const, reason: null, memoryBytes: 0, rowLimit },
    ],
  })
  const batchingOf = (...heartbeats: ReturnType<typeof beat>[]) =>
    toCard(modelEntry('iris', { heartbeats }), idle, urls).batching

  test('is the fewest where workers differ, with the reason for that', () => {
    const batching = batchingOf(
      beat({ rows: 17, reason: 'seventeen' }),
      beat({ rows: 9, reason: 'nine' }),
      beat({ rows: 1, reason: 'of other files' }, 'ff'),
    )

    expect(batching).toMatchObject({ row_limit: 9, row_limit_reason: 'nine' })
  })

  test('is left out where no worker tells, such as one of the release before', () => {
    expect(batchingOf(beat(undefined))).toEqual({ enabled: true, max_rows: 64, max_wait_ms: 2, reason: null })
  })
})

test('a refused model says why, and has no schemas yet', () => {
  const entry = modelEntry('iris', {
    card: { interface: null },
    served: { status: 'refused', reason: 'model.yaml, line 2: unknown key "labls"' },
  })

  const card = toCard(entry, idle, urls)

  expect(card).toMatchObject({
    status: 'refused',
    reason: 'model.yaml, line 2: unknown key "labls"',
    input_schema: null,
    example: null,
  })
})

test('the default is the newest version that was loaded; another one that is refused is a warning', () => {
  const entry = modelEntry('iris', {
    versions: [
      servedVersion({ version: '1', description: 'old', warnings: ['output "x" is not fetched'] }),
      servedVersion({ version: '2', description: 'new' }, { status: 'refused', reason: 'no such operator' }),
    ],
  })

  const card = toCard(entry, idle, urls)

  expect(card).toMatchObject({ status: 'ready', default_version: '1', description: 'old' })
  expect(card.warnings).toEqual(['output "x" is not fetched', 'version 2 is refused: no such operator'])
  expect(card).not.toHaveProperty('reason')
})

test('another version that can not be loaded is a warning', () => {
  const entry = modelEntry('iris', {
    versions: [
      servedVersion({ version: '1' }),
      servedVersion({ version: '2', interface: null }, { status: 'unavailable', reason: 'ended by SIGFPE' }),
      servedVersion({ version: '3', interface: null }, { status: 'unavailable' }),
    ],
  })

  const card = toCard(entry, idle, urls)

  expect(card).toMatchObject({ status: 'ready', default_version: '1' })
  expect(card.warnings).toEqual(['version 2 is unavailable: ended by SIGFPE'])
})

test('workers with different files of one version are a warning', () => {
  const entry = modelEntry('iris', { served: { conflictingDigests: ['abcdefabcdef0000'] } })

  expect(toCard(entry, idle, urls).warnings).toEqual([
    'workers have different files of version 1: new predictions get d1d1d1d1d1d1, also live is abcdefabcdef; ' +
      'unless a roll-out is going on, give all workers the same folder',
  ])
})

test('a model that lost its workers is unavailable and keeps its schemas', () => {
  const entry = modelEntry('iris', { served: { status: 'unavailable' }, heartbeats: [] })

  expect(toCard(entry, idle, urls)).toMatchObject({
    status: 'unavailable',
    reason: 'no live worker has it',
    workers: 0,
    memory_bytes: 0,
    input_schema: { type: 'object' },
  })
})

test('a name without any version has a card too', () => {
  const card = toCard(modelEntry('iris', { versions: [] }), idle, urls)

  expect(card).toMatchObject({ status: 'unavailable', default_version: null, versions: [], batching: null })
  expect(cardSchema.parse(card)).toEqual(card)
})
