import { modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startTestRedis } from '../../scripts/redis/start-test-redis.ts'
import type { TestRedis } from '../../scripts/redis/start-test-redis.ts'
import { inParallel } from '../support/in-parallel.ts'
import { shippedModel, startStack, testModel } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'

/** Room for about 500 finished predictions of the small kind below. */
const maxmemoryBytes = 16 * 1024 * 1024

let redis: TestRedis
let stack: Stack

beforeAll(async () => {
  redis = await startTestRedis({ maxmemoryBytes })
  stack = await startStack({
    models: [shippedModel('iris')],
    redisUrl: redis.url,
    environment: { ONQUEUE_RETENTION_MIN: '0s', ONQUEUE_BACKLOG_LIMIT: '1000000' },
  })
})
afterAll(async () => {
  await stack.close()
  await redis.close()
})

const row = { features: { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 } }
/** About 9 KB of input and as much output. */
const small = Array.from({ length: 100 }, () => row)
/** About 55 KB of input and as much output: more than Redis has room for, if all were kept. */
const large = Array.from({ length: 600 }, () => row)

const usedShare = async () => {
  const used = /^used_memory:(\d+)/m.exec(await stack.redis.info('memory'))?.[1]
  return Number(used) / maxmemoryBytes
}

test('when memory is short the oldest finished predictions go first, and submits go on', async () => {
  const ids = await inParallel(1200, 16, async () => {
    // at this pace a refusal is due now and then, and passes
    for (;;) {
      const answer = await stack.client.submit('iris', small)
      if (answer.status === 202) return String(answer.body.id)
      expect(answer).toMatchObject({ status: 429, body: { code: 'memory_full' } })
    }
  })
  const last = await stack.client.untilFinal(ids.at(-1) ?? '')

  const statuses = await inParallel(
    ids.length,
    50,
    async (index) => (await stack.client.get(`/v1/predictions/${ids[index]}`)).status,
  )

  expect(last.body).toMatchObject({ status: 'succeeded' })
  expect(await usedShare()).toBeLessThan(0.9)
  const oldestKept = statuses.indexOf(200)
  expect(oldestKept).toBeGreaterThan(300)
  // submits overtake each other by a few
  expect(statuses.slice(oldestKept + 50).filter((status) => status !== 200)).toEqual([])
  expect(statuses.slice(0, oldestKept).filter((status) => status !== 404)).toEqual([])
})

test('when only unfinished predictions are left submits get 429, and workers finish them all', async () => {
  await stack.workers[0]?.stop()
  // a worker without models still sweeps
  await stack.startWorker({ ONQUEUE_MODELS_DIR: await stack.modelsFolder([]) })
  const accepted: string[] = []
  const completed = () => stack.redis.zcard(modelKeys(stack.prefix, 'iris').queue('completed'))
  const submitUntilNoneIsLeft = async () => {
    for (;;) {
      const answer = await stack.client.submit('iris', large)
      if (answer.status === 202) accepted.push(String(answer.body.id))
      // while there are finished ones to remove, a refusal passes
      else if ((await completed()) === 0 && (await usedShare()) > 0.85) return answer
    }
  }

  const [refused] = await Promise.all(Array.from({ length: 4 }, submitUntilNoneIsLeft))

  expect(refused).toMatchObject({ status: 429, body: { code: 'memory_full' } })
  expect(refused?.headers.get('retry-after')).toMatch(/^([1-9]|[1-5]\d|60)$/)
  expect(accepted.length).toBeGreaterThan(100)

  await stack.startWorker()
  const ended = await inParallel(accepted.length, 50, (index) =>
    stack.client.untilFinal(accepted[index] ?? ''),
  )
  // those that finished first may have been swept already
  const ends = new Set(ended.map(({ status, body }) => (status === 404 ? 'removed' : body.status)))
  expect([...ends].filter((end) => end !== 'removed' && end !== 'succeeded')).toEqual([])
  const accepting = await stack.client.submit('iris', row, {}, { prefer: 'wait=10' })
  expect(accepting).toMatchObject({ status: 201, body: { status: 'succeeded' } })
})

test('a finished prediction is removed after its time, with all that belongs to it', async () => {
  const brief = await startStack({ models: [testModel('throws')], environment: { ONQUEUE_RETENTION: '2s' } })
  try {
    const rows = Array.from({ length: 1000 }, (_, index) => ({ i: index % 10 }))
    // one with a deadline and an input too large for its job, and one that waits on
    const submitted = await brief.client.submit(
      'throws',
      rows,
      {},
      { 'cancel-after': '1h', prefer: 'wait=10' },
    )
    const { id, expires_at: expiresAt, completed_at: completedAt } = submitted.body
    const keysOf = async () => (await brief.redis.keys(`${brief.prefix}:*`)).filter((key) => key.includes(id))
    const keysBefore = await keysOf()

    await vi.waitFor(
      async () => expect((await brief.client.get(`/v1/predictions/${id}`)).status).toBe(404),
      10_000,
    )

    const removedAt = Date.now()
    expect(submitted.status).toBe(201)
    expect(Date.parse(expiresAt) - Date.parse(completedAt)).toBe(2000)
    expect(removedAt).toBeGreaterThanOrEqual(Date.parse(expiresAt))
    expect(keysBefore.length).toBeGreaterThanOrEqual(2)
    expect(await keysOf()).toEqual([])
    const { index, deadlines, queue } = modelKeys(brief.prefix, 'throws')
    for (const key of [index('anonymous'), deadlines, queue('completed'), queue('failed')]) {
      expect(await brief.redis.zcard(key)).toBe(0)
    }
    expect((await brief.client.get('/v1/predictions')).body.results).toEqual([])
  } finally {
    await brief.close()
  }
})
