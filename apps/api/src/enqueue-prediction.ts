import { AppError, isConnectionError, jobOptions, modelKeys, wasNeverSent } from '@onqueue/shared'
import type { PredictionJobData } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import type { AbandonedSubmits } from './abandoned-submits.ts'
import { queueUnavailable } from './prediction-queues.ts'
import type { PredictionQueues } from './prediction-queues.ts'
import { predictionPath } from './prediction-urls.ts'
import type { RedisClock } from './redis-clock.ts'

/** A prediction that was checked and let in, ready for the queue. */
type NewPrediction = {
  id: string
  /** without `input` where that is loose */
  job: PredictionJobData
  /** the input as JSON, where it is too long to be part of the job; otherwise null */
  looseInput: string | null
  /** how often it may be tried */
  attempts: number
  /** an idempotency key stands for it: who retries the submit finds it */
  isKeyed: boolean
}

/** Longer inputs (in characters of JSON) are kept beside the job: BullMQ hands a job's data through its scripts. */
export const longestInlineInput = 64 * 1024
/** Less than the silence after which a producer gives up: what Redis runs later than this was given up on. */
const latenessLimitMs = 900
/** An input that was written for a job which then was not added goes by itself. */
const looseInputTtlMs = 60_000

/**
 * Puts a prediction into the queue: the guard script (see submit-guard.ts) and the job, one after the other on one connection,
 * so that Redis runs the two in this order or only the first.
 *
 * Throws `queue_unavailable` when the prediction certainly won't run, and `outcome_unknown` when Redis was told and did
 * not answer. Without an idempotency key the prediction is then canceled as soon as Redis is back: its caller is likely
 * to have submitted it again.
 */
export type EnqueuePrediction = (prediction: NewPrediction) => Promise<void>

type Options = {
  redis: Redis
  /** a second connection, so that a long input does not hold up short commands */
  bulk: Redis
  namespace: string
  queues: PredictionQueues
  clock: RedisClock
  abandoned: AbandonedSubmits
}

export const createEnqueuePrediction = (options: Options): EnqueuePrediction => {
  const { redis, bulk, namespace, queues, clock, abandoned } = options

  const writeLooseInput = async ({ id, job, looseInput }: NewPrediction) => {
    if (looseInput === null) return
    try {
      await bulk.set(modelKeys(namespace, job.model).input(id), looseInput, 'PX', looseInputTtlMs)
    } catch (err) {
      throw isConnectionError(err) ? queueUnavailable(err) : err
    }
  }

  const burst = async ({ id, job, looseInput, attempts, isKeyed }: NewPrediction) => {
    const keys = modelKeys(namespace, job.model)
    const queue = queues.open(job.model)
    const guardKeys = [keys.outcome(id), keys.index(job.owner), keys.deadlines, keys.extraRows]
    if (looseInput !== null) guardKeys.push(keys.input(id))
    const [verdict] = await Promise.all([
      redis.guardSubmit(
        guardKeys.length,
        ...guardKeys,
        id,
        job.createdAt,
        job.deadline ?? '',
        (job.arrayLength ?? 1) - 1,
        isKeyed ? '' : Math.floor(clock.now()) + latenessLimitMs,
      ),
      queue.add(job.owner, job, jobOptions(id, job, attempts)),
    ])
    return verdict
  }

  return async (prediction) => {
    await writeLooseInput(prediction)
    const sentAt = Date.now()
    const verdict = await burst(prediction).catch((err: unknown) => {
      if (err instanceof AppError) throw err
      if (wasNeverSent(err)) throw queueUnavailable(err)
      const { id, job, isKeyed } = prediction
      if (!isKeyed)
        abandoned.add({ id, model: job.model, owner: job.owner, rows: job.arrayLength ?? 1, sentAt })
      throw isConnectionError(err) ? outcomeUnknown(id, { isKeyed, cause: err }) : err
    })
    if (verdict !== 'late') return
    // judged by a clock that may have been set since it was last read
    clock.adjust()
    throw queueUnavailable()
  }
}

export const outcomeUnknown = (id: string, { isKeyed, cause }: { isKeyed: boolean; cause?: unknown }) =>
  new AppError(
    'outcome_unknown',
    isKeyed
      ? 'the queue did not answer in time, so this prediction may or may not run; retry with the same Idempotency-Key'
      : 'the queue did not answer in time; this prediction is canceled if it was accepted at all: submit it again, ' +
          'with an Idempotency-Key, and then retry with the same Idempotency-Key',
    { retryAfterSeconds: 1, headers: { Location: predictionPath(id) }, extra: { id }, cause },
  )
