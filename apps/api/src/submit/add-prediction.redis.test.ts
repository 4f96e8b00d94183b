import { createLogger, newPredictionId } from '@onqueue/shared'
import type { PredictionJobData } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { CameLate, queueUnavailable } from '../redis/prediction-queues.ts'
import { createAddPrediction } from './add-prediction.ts'
import type { CheckedSubmission } from './check-submission.ts'
import type { ClaimOf, Joined } from './packs/pack-submits.ts'

const job: PredictionJobData = {
  model: 'iris',
  version: '1',
  digest: 'd1',
  owner: 'alice',
  requestId: 'request',
  inputBytes: 2,
  arrayLength: null,
  priority: 'normal',
  metadata: {},
  deadline: null,
  createdAt: 1000,
}
const checked: CheckedSubmission = { job, input: {}, shortInput: '{}', largeInput: null, attempts: 3 }
const claimOf: ClaimOf = () => ({ key: 'k', text: 't', ttlMs: 1000 })
let redis: Redis

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
})
afterEach(() => redis.disconnect())

/** Adds predictions by an enqueue whose first tries end so. */
const adding = (...ends: Error[]) => {
  const tried: string[] = []
  const enqueue = (): Joined => {
    const id = newPredictionId('iris', 1000)
    const end = ends[tried.push(id) - 1]
    return { id, enqueued: end ? Promise.reject(end) : Promise.resolve(job) }
  }
  const adder = createAddPrediction({
    store: { redis, namespace: 'add-prediction-test' },
    enqueue: () => Promise.reject(new Error('unreachable: it is not asked for')),
    together: { enqueue, enqueueClaiming: enqueue, takesClaims: () => true },
    waiters: {
      replyTo: 'here',
      expectReply: () => {
        throw new Error('unreachable: nobody waits')
      },
    },
    count: { countSubmitted: () => undefined },
    log: createLogger({ service: 'test', level: 'silent' }),
  })
  return { tried, adder }
}

test('what came late is added once more, under another id', async () => {
  const plain = adding(new CameLate())
  const keyed = adding(new CameLate())

  const added = await plain.adder.add(checked, { isAwaited: false })
  const claimed = await keyed.adder.addClaiming(checked, { isAwaited: false }, claimOf)

  expect(added.record.id).toBe(plain.tried[1])
  expect(claimed?.record.id).toBe(keyed.tried[1])
  expect(new Set(plain.tried).size).toBe(2)
})

test('what comes late again is refused', async () => {
  const { tried, adder } = adding(new CameLate(), new CameLate())

  await expect(adder.add(checked, { isAwaited: false })).rejects.toMatchObject({ code: 'queue_unavailable' })
  expect(tried.length).toBe(2)
})

test('nothing else is added again', async () => {
  const { tried, adder } = adding(queueUnavailable(new Error('away')))

  await expect(adder.add(checked, { isAwaited: false })).rejects.toMatchObject({ code: 'queue_unavailable' })
  expect(tried.length).toBe(1)
})
