import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { modelKeys } from '@onqueue/shared'
import { shippedModel, startStack, testModel } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

let stack: Stack

beforeAll(async () => {
  stack = await startStack({ models: [testModel('echo'), shippedModel('demo-classifier')] })
})
afterAll(() => stack.close())

/** Numbers that a float32 has exactly, so that they come back as they went. */
const tensor = (numbers: number) => ({ x: Array.from({ length: numbers }, (_, index) => index / 8) })
const rows = (count: number) =>
  Array.from({ length: count }, () => ({ features: [1.000000001, -0.500000001, 2.1, 0.300000001] }))

const submitted = async (model: string, input: unknown) => {
  const { status, body } = await stack.client.submit(model, input)
  expect(status).toBe(202)
  return String(body.id)
}

test('a tensor of 450,000 numbers comes back as it went, in every way to read it', async () => {
  const input = tensor(450_000)

  const accepted = await stack.client.submit('echo', input)
  const { id } = accepted.body
  const final = await stack.client.untilFinal(id)
  const events = await stack.client.get(`/v1/predictions/${id}/events`)
  const predicted = await stack.client.predict('echo', input)

  expect(accepted.status).toBe(202)
  expectSame(accepted.body.input, input)
  expect(final.body.status).toBe('succeeded')
  expectSame(final.body.input, input)
  expectSame(final.body.output, { y: input.x })
  expect(Number(final.headers.get('content-length'))).toBe(Buffer.byteLength(final.text))
  const { data = '' } =
    /^event: prediction\nid: (?<id>.*)\ndata: (?<data>.*)\n\n$/.exec(events.text)?.groups ?? {}
  expectSame(JSON.parse(data), final.body)
  expect(predicted.status).toBe(200)
  expectSame(predicted.body, { y: input.x })
})

test('1,000 rows are answered by predict, by the plain service and with a wait', async () => {
  const input = rows(1000)

  const predicted = await stack.client.predict('demo-classifier', input)
  const plain = await stack.client.call('POST', '/predict', input)
  const waited = await stack.client.submit('demo-classifier', input, {}, { prefer: 'wait=30' })

  expect(predicted.body).toHaveLength(1000)
  expect(plain.status).toBe(200)
  expect(plain.body).toHaveLength(1000)
  expect(plain.body[0]).toEqual({ prediction: 1, probability_class_1: expect.any(Number) })
  expect(waited.status).toBe(201)
  expect(waited.body).toMatchObject({ input, output: predicted.body })
})

test('a long body is checked as a short one is', async () => {
  const wrong = { x: [...tensor(100_000).x, ...Array(50).fill('no number')] }

  const problems = await stack.client.submit('echo', wrong)
  const version = await stack.client.submit('echo', tensor(100_000), { version: '9' })
  const unknown = await stack.client.submit('ecko', tensor(100_000))
  const tooManyRows = await stack.client.predict('demo-classifier', rows(1001))
  const doubled = await stack.client.call(
    'POST',
    '/v1/models/echo/predictions',
    `{"input":{"x":[${'1,'.repeat(50_000)}1],"x":[1]}}`,
  )
  const broken = await stack.client.call(
    'POST',
    '/v1/models/echo/predictions',
    `{"input":{"x":[${'1,'.repeat(50_000)}]}}`,
  )

  expect(problems).toMatchObject({ status: 422, body: { code: 'invalid_input' } })
  expect(problems.body.errors).toHaveLength(20)
  expect(problems.body.errors[0].pointer).toBe('/input/x/100000')
  expect(version).toMatchObject({ status: 422, body: { code: 'version_not_found' } })
  expect(unknown).toMatchObject({ status: 404, body: { code: 'model_not_found' } })
  expect(tooManyRows).toMatchObject({ status: 422, body: { errors: [{ pointer: '' }] } })
  expect(doubled).toMatchObject({ status: 422, body: { errors: [{ pointer: '/input/x' }] } })
  expect(broken).toMatchObject({ status: 400, body: { code: 'malformed_json' } })
})

test('blanks do not make an input long', async () => {
  const body = JSON.stringify({ input: tensor(10), metadata: { a: 'b' } }).replaceAll(
    ',',
    `,${' '.repeat(20_000)}`,
  )

  const { body: accepted } = await stack.client.call('POST', '/v1/models/echo/predictions', body)
  const { queue, input } = modelKeys(stack.prefix, 'echo')

  expect(accepted).toMatchObject({ input: tensor(10), metadata: { a: 'b' } })
  expect(await stack.redis.exists(input(accepted.id))).toBe(0)
  expect(JSON.parse((await stack.redis.hget(queue(accepted.id), 'data')) ?? '')).toMatchObject({
    input: tensor(10),
  })
})

test('an idempotency key stands for a long body however its fields are ordered', async () => {
  const input = tensor(50_000)
  const key = { 'idempotency-key': 'long' }

  const first = await stack.client.submit('echo', input, { metadata: { a: 'b' } }, key)
  const again = await stack.client.call(
    'POST',
    '/v1/models/echo/predictions',
    { metadata: { a: 'b' }, input },
    key,
  )
  const other = await stack.client.submit('echo', tensor(50_001), { metadata: { a: 'b' } }, key)

  expect(again.headers.get('idempotency-replayed')).toBe('true')
  expect(again.body.id).toBe(first.body.id)
  expectSame(again.body.input, input)
  expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
})

test('a list reads no long input or output that it was not asked for', async () => {
  const ids = [await submitted('echo', tensor(300_000)), await submitted('echo', tensor(300_001))]
  for (const id of ids) await stack.client.untilFinal(id)
  const keys = ids.flatMap((id) => {
    const { input, outcome } = modelKeys(stack.prefix, 'echo')
    return [input(id), outcome(id)]
  })
  const bytesRead = await watchReads(keys)

  const { body } = await stack.client.get('/v1/predictions?model=echo&limit=2')
  const bare = await bytesRead()
  const { body: full } = await stack.client.get(`/v1/predictions?model=echo&limit=1&include=input`)
  const withInput = await bytesRead()

  expect(body.results.map(({ id }: { id: string }) => id)).toEqual(ids.toReversed())
  expect(body.results[0]).not.toHaveProperty('input')
  expect(bare).toBeLessThan(16_000)
  expectSame(full.results[0].input, tensor(300_001))
  expect(withInput - bare).toBeGreaterThan(1_000_000)
})

test('a page with inputs is cut by its bytes, and the next one goes on', async () => {
  const before = Date.now()
  const ids: string[] = []
  for (let index = 0; index < 7; index++) ids.push(await submitted('echo', tensor(60_000 + index)))

  const pages: string[][] = []
  let path = `/v1/predictions?model=echo&limit=100&include=input&created_after=${new Date(before - 1).toISOString()}`
  while (path) {
    const { text, body } = await stack.client.get(path)
    expect(text.length).toBeLessThan(1_200_000)
    pages.push(body.results.map(({ id }: { id: string }) => id))
    path = body.next === null ? '' : body.next.slice(stack.url.length)
  }

  expect(pages.flat()).toEqual(ids.toReversed())
  expect(pages.length).toBeGreaterThan(1)
  expect(Math.max(...pages.map((page) => page.length))).toBeGreaterThan(1)
})

/** Without printing megabytes where they differ. */
const expectSame = (value: unknown, expected: unknown) =>
  expect(JSON.stringify(value) === JSON.stringify(expected)).toBe(true)

/** Bytes that were read of the keys since, as Redis was told to. By a socket: ioredis loses its way where much is told. */
const watchReads = async (keys: string[]) => {
  const lengths = new Map<string, number>()
  for (const key of keys) lengths.set(key, await stack.redis.strlen(key))
  const { host = '127.0.0.1', port = 6379, password } = stack.redis.options
  const socket = connect(port, host)
  onTestFinished(() => void socket.destroy())
  const lines = createInterface(socket)
  let bytes = 0
  const seen = new Set<string>()
  lines.on('line', (line) => {
    const [command = '', key = '', from, to] = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(
      ([, word]) => word,
    )
    seen.add(key)
    const length = lengths.get(key)
    if (length === undefined) return
    if (command.toLowerCase() === 'get') bytes += length
    if (command.toLowerCase() === 'getrange')
      bytes += Math.min(length, Math.abs(Number(to) - Number(from)) + 1)
  })
  if (password) {
    socket.write(`AUTH ${password}\r\n`)
    await once(lines, 'line')
  }
  socket.write('MONITOR\r\n')
  expect(await once(lines, 'line')).toEqual(['+OK'])
  return async () => {
    const marker = `marker-${Math.random()}`
    await stack.redis.exists(marker)
    while (!seen.has(marker)) await once(lines, 'line')
    return bytes
  }
}
