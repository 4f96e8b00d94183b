import { Queue, Worker } from 'bullmq'
import type { Job } from 'bullmq'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { delayJob, onRedisTime } from './bullmq-time.ts'

const prefix = `bullmq-time-test-${process.pid}`
const hourMs = 3_600_000
let redis: Redis
let queue: Queue

beforeEach(() => {
  redis = new Redis(inject('redisUrl'), { maxRetriesPerRequest: null })
  queue = new Queue('jobs', { connection: redis, prefix })
})
afterEach(async () => {
  await queue.close()
  await leaveRedis(redis, prefix)
})

const keyOf = (part: string) => `${prefix}:jobs:${part}`

/** A worker on a machine whose clock is ahead of Redis' by so much. Counts how often it asks for a job. */
const startWorker = (aheadMs: number, process: (job: Job, token?: string) => Promise<unknown>) => {
  const clock = () => Date.now() - aheadMs
  const open = onRedisTime(clock)
  let asked = 0
  const worker = new Worker(
    'jobs',
    process,
    { connection: redis, prefix, skipLockRenewal: true, drainDelay: 1 },
    (...options) => {
      const backend = open(...options)
      const moveToActive = backend.moveToActive.bind(backend)
      backend.moveToActive = (...args) => {
        asked += 1
        return moveToActive(...args)
      }
      return backend
    },
  )
  onTestFinished(() => worker.close())
  return { worker, clock, asked: () => asked }
}

describe.each([
  ['ahead', 26 * hourMs],
  ['behind', -26 * hourMs],
])('a worker 26 h %s', (_, aheadMs) => {
  test('says by the clock of Redis when it took a job and when it finished', async () => {
    const { worker, clock } = startWorker(aheadMs, async () => 1)
    const startedAt = clock()

    await queue.add('one', {}, { jobId: 'a' })
    await new Promise((resolve) => worker.once('completed', resolve))

    const [processedOn, finishedOn] = await redis.hmget(keyOf('a'), 'processedOn', 'finishedOn')
    const times = [processedOn, finishedOn, await redis.zscore(keyOf('completed'), 'a')].map(Number)
    for (const time of times) {
      expect(time).toBeGreaterThanOrEqual(startedAt)
      expect(time).toBeLessThanOrEqual(clock())
    }
  })

  test('says so too of a job that it got in exchange for one that finished', async () => {
    const { worker, clock } = startWorker(aheadMs, async () => 1)
    const startedAt = clock()

    await queue.addBulk(['a', 'b', 'c'].map((jobId) => ({ name: 'one', data: {}, opts: { jobId } })))
    await new Promise<void>((resolve) => worker.once('drained', () => resolve()))

    const taken = await Promise.all(['a', 'b', 'c'].map((id) => redis.hget(keyOf(id), 'processedOn')))
    for (const time of taken) expect(Math.abs(Number(time) - startedAt)).toBeLessThan(30_000)
  })

  test('puts off for as long as it says, by the clock of Redis, and asks little meanwhile', async () => {
    const takenAt: number[] = []
    const { clock, asked } = startWorker(aheadMs, async (job, token) => {
      takenAt.push(performance.now())
      if (takenAt.length > 1) return 1
      await delayJob(job, 1500, token)
      throw Object.assign(new Error('put off'), { name: 'DelayedError' })
    })

    await queue.add('one', {}, { jobId: 'a' })
    await expect.poll(() => redis.zcard(keyOf('delayed'))).toBe(1)
    const dueInMs = Number(await redis.zscore(keyOf('delayed'), 'a')) / 0x1000 - clock()
    const askedBefore = asked()
    await vi.waitFor(() => expect(takenAt.length).toBe(2), { timeout: 20_000 })

    expect(dueInMs).toBeLessThanOrEqual(1500)
    expect(dueInMs).toBeGreaterThan(-10_000)
    const waitedMs = (takenAt[1] ?? 0) - (takenAt[0] ?? 0)
    expect(waitedMs).toBeGreaterThan(1400)
    expect(asked() - askedBefore).toBeLessThan(10)
  })

  test('tries again after the wait of the job, by the clock of Redis', async () => {
    const takenAt: number[] = []
    startWorker(aheadMs, async () => {
      takenAt.push(performance.now())
      if (takenAt.length === 1) throw new Error('not yet')
      return 1
    })

    await queue.add('one', {}, { attempts: 2, backoff: { type: 'fixed', delay: 700 } })
    await vi.waitFor(() => expect(takenAt.length).toBe(2), { timeout: 20_000 })

    expect((takenAt[1] ?? 0) - (takenAt[0] ?? 0)).toBeGreaterThan(600)
  })
})

test('what one worker put off is taken by another whose clock is far from its own', async () => {
  const { worker: ahead, clock } = startWorker(26 * hourMs, async (job, token) => {
    await delayJob(job, 300, token)
    throw Object.assign(new Error('put off'), { name: 'DelayedError' })
  })
  await queue.add('one', {}, { jobId: 'a' })
  await expect.poll(() => redis.zcard(keyOf('delayed'))).toBe(1)
  await ahead.close()
  // the same Redis, so the same time on its clock
  const behind = new Worker(
    'jobs',
    async () => 1,
    { connection: redis, prefix, skipLockRenewal: true },
    onRedisTime(clock),
  )
  onTestFinished(() => behind.close())

  await vi.waitFor(async () => expect(await redis.zcard(keyOf('completed'))).toBe(1), { timeout: 15_000 })
})
