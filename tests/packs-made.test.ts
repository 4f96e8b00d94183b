import { globalKeys, modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startStack, testModel } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

/** Submits that arrive together, at an API that makes packs of them. */
let stack: Stack

beforeAll(async () => {
  stack = await startStack({ models: [testModel('throws')], environment: { ONQUEUE_PACKS: 'true' } })
})
afterAll(() => stack.close())

const countPacks = async () => (await stack.redis.keys(`${stack.prefix}:{throws}:pack:*`)).length
const submitMany = (count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => stack.client.submit('throws', { i: i % 9 })))
/** How many packs so many submits at once become. */
const packsOf = async (count: number) => {
  const before = await countPacks()
  const answers = await submitMany(count)
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202))
  return (await countPacks()) - before
}
/** From when on everybody is known to read them. */
const untilMade = () =>
  vi.waitFor(async () => expect(await packsOf(16)).toBeGreaterThan(0), { timeout: 30_000, interval: 200 })

test('of 300 submits at once each has its own id, input and result, and few jobs', async () => {
  await untilMade()
  const before = await countPacks()

  const submitted = await submitMany(300)
  expect(submitted.filter(({ status }) => status >= 400).map(({ body }) => body)).toEqual([])
  const ended = await Promise.all(submitted.map(({ body }) => stack.client.untilFinal(body.id)))

  expect(new Set(submitted.map(({ body }) => body.id)).size).toBe(300)
  expect(ended.map(({ body }) => [body.status, body.input, body.output])).toEqual(
    Array.from({ length: 300 }, (_, i) => ['succeeded', { i: i % 9 }, { value: (i % 9) * 10 }]),
  )
  expect(submitted.map(({ body }) => body.created_at)).toEqual(ended.map(({ body }) => body.created_at))
  const made = (await countPacks()) - before
  expect(made).toBeGreaterThan(0)
  expect(made).toBeLessThan(150)
})

test('of 200 callers of predict at once each gets its own answer', async () => {
  await untilMade()

  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => stack.client.predict('throws', { i: i % 9 })),
  )

  expect(answers.map(({ status, body }) => [status, body])).toEqual(
    Array.from({ length: 200 }, (_, i) => [200, { value: (i % 9) * 10 }]),
  )
})

test('of 100 keys, each used three times at once, each has one prediction, and all of them few jobs', async () => {
  await untilMade()
  const before = await countPacks()
  const keyed = (i: number) =>
    stack.client.submit('throws', { i: i % 9 }, {}, { 'idempotency-key': `key-${i}` })

  const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => keyed(i % 100)))

  expect(answers.filter(({ status }) => status >= 400).map(({ body }) => body)).toEqual([])
  const ids = answers.map(({ body }) => body.id)
  expect(new Set(ids).size).toBe(100)
  expect(ids.slice(100)).toEqual([...ids.slice(0, 100), ...ids.slice(0, 100)])
  const isReplay = answers.map(({ headers }) => headers.get('idempotency-replayed') === 'true')
  expect(isReplay.filter((one) => !one).length).toBe(100)
  const ended = await Promise.all(ids.slice(0, 100).map((id) => stack.client.untilFinal(id)))
  expect(ended.map(({ body }) => body.output)).toEqual(
    Array.from({ length: 100 }, (_, i) => ({ value: (i % 9) * 10 })),
  )
  const made = (await countPacks()) - before
  expect(made).toBeGreaterThan(0)
  expect(made).toBeLessThan(60)
})

test('what is long has a job by itself', async () => {
  await untilMade()
  const before = await countPacks()

  const { status } = await stack.client.submit(
    'throws',
    Array(900)
      .fill({ i: 1, padding: 0 })
      .map(({ i }) => ({ i })),
  )

  expect(status).toBe(202)
  expect(await countPacks()).toBe(before)
})

test('while a worker of any model is there that does not read packs, none are made', async () => {
  await untilMade()
  const { models } = globalKeys(stack.prefix)
  const { worker, workers } = modelKeys(stack.prefix, 'elsewhere')
  const heartbeat = { workerId: 'old', at: Date.now(), rowsPerSecond: 1, versions: [] }

  await stack.redis.set(worker('old'), JSON.stringify(heartbeat))
  await stack.redis.sadd(workers, 'old')
  await stack.redis.sadd(models, 'elsewhere')
  await vi.waitFor(async () => expect(await packsOf(16)).toBe(0), { timeout: 10_000, interval: 200 })
  expect(await packsOf(64)).toBe(0)

  await stack.redis.del(worker('old'))
  await untilMade()
})

test('while an API process is there that does not read packs, none are made', async () => {
  await untilMade()
  const listener = stack.redis.duplicate()
  await listener.subscribe(globalKeys(stack.prefix).cardChanges)

  await vi.waitFor(async () => expect(await packsOf(16)).toBe(0), { timeout: 10_000, interval: 200 })
  expect(await packsOf(64)).toBe(0)

  listener.disconnect()
  await untilMade()
})
