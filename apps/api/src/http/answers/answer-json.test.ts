import { Hono } from 'hono'
import { AppError, StoredJson } from '@onqueue/shared'
import { expect, test } from 'vitest'
import type { ApiEnvironment } from '../api-environment.ts'
import { problemResponse } from '../errors/problem.ts'
import { UnderWay } from '../under-way.ts'
import { answerJson } from './answer-json.ts'

const limits = { bodies: 2, streams: 2, waits: 2, transfers: 2 }
/** What a stored answer has while it is sent. */
const answerBytes = 512 * 1024

const text = JSON.stringify('x'.repeat(700_000))
const stored = () => new StoredJson(text.length, async (start, end) => Buffer.from(text.slice(start, end)))

/** Answers on GET and on POST, as a process does in which so much may be under way. */
const open = (limitBytes: number, answer: unknown, isRead?: boolean) => {
  const underWay = new UnderWay(limitBytes, limits)
  const app = new Hono<ApiEnvironment>()
  app.use((c, next) => {
    c.set('underWay', underWay)
    return next()
  })
  app.on(['GET', 'POST'], '/', (c) => {
    if (answer instanceof AppError) throw answer
    return answerJson(c, answer, 200, {}, isRead === undefined ? {} : { isRead })
  })
  app.onError((err, c) =>
    problemResponse(c, err instanceof AppError ? err : new AppError('internal_error', err.message)),
  )
  return { underWay, ask: (method: 'GET' | 'POST') => app.request('/', { method }) }
}

test('an answer with stored parts counts until it was read to its end', async () => {
  const { underWay, ask } = open(answerBytes, { output: stored() })

  const response = await ask('GET')
  const whileSent = underWay.bytes
  const body = await response.text()

  expect(whileSent).toBe(answerBytes)
  expect(body).toBe(`{"output":${text}}`)
  expect(response.headers.get('content-length')).toBe(String(body.length))
  expect(underWay.bytes).toBe(0)
})

test('an answer that its reader leaves counts no more', async () => {
  const { underWay, ask } = open(answerBytes, { output: stored() })

  const response = await ask('GET')
  await response.body?.cancel()

  expect(underWay.bytes).toBe(0)
})

test.each([
  ['stored', { output: stored() }],
  ['long', 'x'.repeat(65 * 1024)],
])('a %s answer to who only reads is refused while there is no room', async (_name, answer) => {
  const { underWay, ask } = open(answerBytes, answer)
  const release = underWay.reserve(answerBytes)

  const refused = await ask('GET')
  release()
  const answered = await ask('GET')

  expect([refused.status, answered.status]).toEqual([503, 200])
  expect(await refused.json()).toMatchObject({ code: 'server_busy' })
})

test.each([
  ['stored', { output: stored() }],
  ['long', 'x'.repeat(65 * 1024)],
])('a POST that is said to read only is one for a %s answer, too', async (_name, answer) => {
  const { underWay, ask } = open(answerBytes, answer, true)
  underWay.reserve(answerBytes)

  expect((await ask('POST')).status).toBe(503)
})

test('a short answer is given also where there is no room', async () => {
  const { underWay, ask } = open(answerBytes, 'x'.repeat(60 * 1024))
  underWay.reserve(answerBytes)

  expect((await ask('GET')).status).toBe(200)
})

test.each([
  ['stored', { output: stored() }, `{"output":${text}}`],
  ['long', 'x'.repeat(65 * 1024), JSON.stringify('x'.repeat(65 * 1024))],
])(
  'what a request has done is told in a %s answer also where there is no room',
  async (_name, answer, body) => {
    const { underWay, ask } = open(answerBytes, answer)
    underWay.reserve(answerBytes)

    const response = await ask('POST')

    expect(response.status).toBe(200)
    expect((await response.text()) === body).toBe(true)
  },
)

test('an error with stored parts is answered as it is also where there is no room', async () => {
  const err = new AppError('rows_failed', 'a row failed', { extra: { output: stored() } })
  const { underWay, ask } = open(answerBytes, err)
  underWay.reserve(answerBytes)

  const response = await ask('POST')

  expect(response.status).toBe(500)
  expect(await response.json()).toMatchObject({ code: 'rows_failed', output: JSON.parse(text) })
  expect(underWay.bytes).toBe(answerBytes)
})
