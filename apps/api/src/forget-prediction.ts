import { setTimeout as sleep } from 'node:timers/promises'
import { modelKeys } from '@onqueue/shared'
import type { Outcome, PredictionRecord } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import type { CancelPrediction } from './cancel-prediction.ts'
import type { PredictionQueues } from './prediction-queues.ts'

/**
 * Forgets a prediction: cancels it if it isn't final, and removes its job, input, output and listing. Its idempotency
 * claim stays, so that a replay is told 410 and doesn't run it again.
 *
 * Its outcome is not removed but emptied: a *tombstone*, written before anything else goes. A worker may still hold the
 * prediction (even one that froze and wakes up later), and a tombstone is what keeps it from writing its output after
 * all. It goes by itself after an hour; a worker doesn't hold on for longer.
 *
 * A job that is being run can't be removed from BullMQ, and must not be: its worker completes it. It is usually done in
 * an instant, so the removal is tried for a second; after that the job stays without its input and without an owner,
 * which hides it from everybody, until the sweeper takes it together with its tombstone.
 */
export type ForgetPrediction = (record: PredictionRecord) => Promise<void>

const tombstoneTtlMs = 3_600_000
const attempts = 5
const pauseMs = 200

export const createForgetPrediction =
  ({
    redis,
    namespace,
    queues,
    cancel,
  }: {
    redis: Redis
    namespace: string
    queues: PredictionQueues
    cancel: CancelPrediction
  }): ForgetPrediction =>
  async (record) => {
    const { id, job } = record
    const keys = modelKeys(namespace, job.model)
    const { outcome } = await cancel(record, 'deleted by its owner')
    if (outcome) await redis.set(keys.outcome(id), tombstone(outcome), 'KEEPTTL')
    await redis.del(keys.input(id))
    await redis.zrem(keys.index(job.owner), id)
    await redis.zrem(keys.deadlines, id)

    for (let attempt = 1; attempt <= attempts; attempt++) {
      if ((await queues.open(job.model).remove(id)) === 1) {
        await redis.pexpire(keys.outcome(id), tombstoneTtlMs)
        return
      }
      if (attempt < attempts) await sleep(pauseMs)
    }
    const running = await queues.open(job.model).getJob(id)
    const { input: _, ...withoutInput } = job
    await running?.updateData({ ...withoutInput, owner: '', metadata: {} })
  }

/** Says how it ended, and nothing of what came out. */
const tombstone = (outcome: Outcome) =>
  JSON.stringify({
    ...outcome,
    output: null,
    error: outcome.error && { code: outcome.error.code, detail: 'deleted' },
  } satisfies Outcome)
