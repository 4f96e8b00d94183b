import { modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startTestRedis } from '../../scripts/redis/start-test-redis.ts'
import type { TestRedis } from '../../scripts/redis/start-test-redis.ts'
import { createClient } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { inParallel } from '../support/in-parallel.ts'
import { readMetric } from '../support/metrics.ts'
import { startStack, testModel } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'

/** Redis hangs, and processes die, while an API makes packs. */
let redis: TestRedis
let stack: Stack
let worker: StackProcess

beforeAll(async () => {
  redis = await startTestRedis()
  stack = await startStack({
    models: [testModel('throws')],
    redisUrl: redis.url,
    environment: { ONQUEUE_PACKS: 'true' },
  })
  const [only] = stack.workers
  if (!only) throw new Error('the stack has no worker')
  worker = only
})
afterAll(async () => {
  redis.signal('SIGCONT')
  await stack.close()
  await redis.close()
})

const packIds = async () => {
  const start = modelKeys(stack.prefix, 'throws').pack('')
  return (await stack.redis.keys(`${start}*`)).map((key) => key.slice(start.length))
}
const submitMany = (client: Client, count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => client.submit('throws', { i: i % 9 })))
const untilMade = (client = stack.client) =>
  vi.waitFor(
    async () => {
      const before = (await packIds()).length
      await submitMany(client, 16)
      expect((await packIds()).length).toBeGreaterThan(before)
    },
    { timeout: 30_000, interval: 200 },
  )
const ranRows = () => readMetric(worker, 'onqueue_micro_batch_rows_sum', { model: 'throws' })
const untilIdle = () =>
  vi.waitFor(
    async () => {
      const { queue } = modelKeys(stack.prefix, 'throws')
      const [waiting, active] = [
        await stack.redis.zcard(queue('prioritized')),
        await stack.redis.llen(queue('active')),
      ]
      expect([waiting, active]).toEqual([0, 0])
    },
    { timeout: 20_000, interval: 50 },
  )

test('while Redis hangs all of a pack are refused in time, and none of them runs later', async () => {
  await untilMade()
  await untilIdle()
  const before = await ranRows()
  redis.signal('SIGSTOP')

  const startedAt = performance.now()
  const answers = await submitMany(stack.client, 60)
  const elapsedMs = performance.now() - startedAt
  redis.signal('SIGCONT')
  await vi.waitFor(
    async () =>
      expect((await stack.client.submit('throws', { i: 4 }, {}, { prefer: 'wait=10' })).status).toBe(201),
    { timeout: 15_000, interval: 50 },
  )
  await untilIdle()

  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503))
  expect(elapsedMs).toBeLessThan(2500)
  const unknown = answers.filter(({ body }) => body.code === 'outcome_unknown')
  expect(new Set(unknown.map(({ body }) => body.id)).size).toBe(unknown.length)
  for (const { body } of unknown) {
    const found = await stack.client.get(`/v1/predictions/${body.id}`)
    if (found.status === 200) expect(found.body).toMatchObject({ status: 'canceled', output: null })
    else expect(found.status).toBe(404)
  }
  // the one that showed that it works again
  expect(await ranRows()).toBe(before + 1)
  expect(Number(await stack.redis.get(modelKeys(stack.prefix, 'throws').extraRows))).toBe(0)
})

test(
  'an API is killed while it submits: what it accepted ends, and no pack is there by half',
  { timeout: 90_000 },
  async () => {
    const victim = await stack.startApi({ ONQUEUE_PACKS: 'true' })
    const client = createClient(victim.url)
    await untilMade(client)
    const known = new Set(await packIds())
    const accepted: string[] = []
    const submitOn = async (): Promise<void> => {
      const { status, body } = await client.submit('throws', { i: 3 })
      if (status === 202) accepted.push(String(body.id))
      return submitOn()
    }

    const submitting = Array.from({ length: 64 }, () => submitOn().catch(() => undefined))
    await vi.waitFor(() => expect(accepted.length).toBeGreaterThan(500), { timeout: 20_000, interval: 5 })
    await victim.stop('SIGKILL')
    await Promise.all(submitting)
    await untilIdle()

    const ended = await Promise.all(accepted.map((id) => stack.client.get(`/v1/predictions/${id}`)))
    expect(ended.filter(({ body }) => body.status !== 'succeeded')).toEqual([])
    const made = (await packIds()).filter((id) => !known.has(id))
    expect(made.length).toBeGreaterThan(0)
    const { queue, pack } = modelKeys(stack.prefix, 'throws')
    for (const id of made) {
      expect(await stack.redis.exists(queue(id))).toBe(1)
      expect(await stack.redis.hget(pack(id), 'left')).toBe('0')
    }
  },
)

test(
  'a worker is killed over and over while packs come: each prediction ends once, with its own result',
  { timeout: 120_000 },
  async () => {
    await untilMade()
    const second = await stack.startWorker()
    const submitted = submitMany(stack.client, 400)
    await second.stop('SIGKILL')
    const third = await stack.startWorker()
    const more = submitMany(stack.client, 400)
    await third.stop('SIGKILL')

    const answers = [...(await submitted), ...(await more)]
    expect(answers.filter(({ status }) => status !== 202)).toEqual([])
    // a few at a time: all at once may be more connections than one address may have
    const ended = await inParallel(answers.length, 64, (index) =>
      stack.client.untilFinal(String(answers[index]?.body.id)),
    )

    expect(ended.map(({ body }) => [body.status, body.output])).toEqual(
      answers.map((_, index) => ['succeeded', { value: ((index % 400) % 9) * 10 }]),
    )
  },
)

const bulkPath = '/v1/models/throws/predictions/bulk'
const bulkOf = (count: number) => Array.from({ length: count }, (_, i) => ({ input: { i: i % 9 } }))
const idsOf = (lines: { id?: string }[]) => lines.map(({ id }) => String(id))

test('while Redis hangs all of a bulk are refused in time, and a repeat with its key has each made once', async () => {
  await untilMade()
  await untilIdle()
  const before = await ranRows()
  const key = { 'idempotency-key': 'hung' }
  redis.signal('SIGSTOP')

  const startedAt = performance.now()
  const refused = await Promise.all([
    stack.client.call('POST', bulkPath, bulkOf(200), key),
    stack.client.call('POST', bulkPath, bulkOf(200)),
  ])
  const elapsedMs = performance.now() - startedAt
  redis.signal('SIGCONT')
  const repeated = await vi.waitFor(
    async () => {
      const answer = await stack.client.call('POST', bulkPath, bulkOf(200), key)
      // where Redis is slow to come back, some may be accepted before others are
      expect([answer.status, idsOf(answer.body).filter((id) => id === 'undefined')]).toEqual([202, []])
      return answer
    },
    { timeout: 15_000, interval: 50 },
  )
  await untilIdle()

  expect(refused.map(({ status, body }) => [status, body.results?.length ?? 200])).toEqual([
    [503, 200],
    [503, 200],
  ])
  expect(elapsedMs).toBeLessThan(2500)
  expect(new Set(idsOf(repeated.body)).size).toBe(200)
  const ended = await Promise.all(idsOf(repeated.body).map((id) => stack.client.untilFinal(id)))
  expect(ended.map(({ body }) => body.output)).toEqual(
    bulkOf(200).map(({ input }) => ({ value: input.i * 10 })),
  )
  expect(await ranRows()).toBe(before + 200)
})

test(
  'an API is killed while it takes bulks with keys: a repeat at another one has each prediction once',
  { timeout: 90_000 },
  async () => {
    const victim = await stack.startApi({ ONQUEUE_PACKS: 'true' })
    await untilMade(createClient(victim.url))
    await untilIdle()
    const before = await ranRows()
    const keys = Array.from({ length: 24 }, (_, index) => ({ 'idempotency-key': `killed ${index}` }))
    const hasAnswered = Promise.withResolvers<void>()

    const first = keys.map((key) =>
      createClient(victim.url)
        .call('POST', bulkPath, bulkOf(100), key)
        .then(({ body }) => {
          // at once: the others are on their way
          void victim.stop('SIGKILL')
          hasAnswered.resolve()
          return idsOf(body)
        })
        .catch(() => undefined),
    )
    await hasAnswered.promise
    await victim.stop('SIGKILL')
    const told = await Promise.all(first)
    const repeated = await Promise.all(
      keys.map(async (key) => idsOf((await stack.client.call('POST', bulkPath, bulkOf(100), key)).body)),
    )
    await untilIdle()

    expect(told.filter((ids) => ids === undefined).length).toBeGreaterThan(0)
    for (const [index, ids] of told.entries()) if (ids) expect(repeated[index]).toEqual(ids)
    expect(new Set(repeated.flat()).size).toBe(2400)
    const statuses = new Set<string>()
    await inParallel(2400, 64, async (index) => {
      const { body } = await stack.client.get(`/v1/predictions/${repeated.flat()[index]}`)
      statuses.add(body.status)
    })
    expect([...statuses]).toEqual(['succeeded'])
    expect(await ranRows()).toBe(before + 2400)
  },
)
