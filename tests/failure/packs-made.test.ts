import { modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startTestRedis } from '../../scripts/redis/start-test-redis.ts'
import type { TestRedis } from '../../scripts/redis/start-test-redis.ts'
import { createClient } from '../support/client.ts'
import type { Client } from '../support/client.ts'
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
    const ended = await Promise.all(answers.map(({ body }) => stack.client.untilFinal(body.id)))

    expect(ended.map(({ body }) => [body.status, body.output])).toEqual(
      answers.map((_, index) => ['succeeded', { value: ((index % 400) % 9) * 10 }]),
    )
  },
)
