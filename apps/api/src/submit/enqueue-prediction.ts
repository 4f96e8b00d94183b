import {
  AppError,
  hadNoEffect,
  isRedisAway,
  jobOptions,
  modelKeys,
  predictionPath,
  rowsOf,
} from '@onqueue/shared'
import type { PredictionJobData, PredictionQueues, RedisClock } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import type { AbandonedSubmits } from './abandoned-submits.ts'
import { CameLate, queueUnavailable } from '../redis/prediction-queues.ts'
import type { SubmitGuard } from './submit-guard.ts'

/** A prediction that was checked and let in, ready for the queue as a job by itself. */
type NewPrediction = {
  id: string
  /** without `input` where that is large */
  job: PredictionJobData
  /** the input as JSON, where it is too long to be part of the job; otherwise null */
  largeInput: string | Uint8Array | null
  /** how often it may be tried */
  attempts: number
  /** an idempotency key stands for it: who retries the submit finds it */
  isKeyed: boolean
  /** see `GuardedSubmit` */
  isTurnOver?: boolean
}

/** Inputs of more characters of JSON are kept beside the job: BullMQ hands a job's data through its scripts. */
export const maxInlineCharacters = 64 * 1024
/** An input that was written for a job which then was not added goes by itself. */
const unclaimedInputTtlMs = 60_000

/**
 * Puts a prediction into the queue: the guard script (see submit-guard.ts) and the job, one after the other on one connection,
 * so that Redis runs the two in this order or only the first.
 *
 * Throws `queue_unavailable` when the prediction certainly won't run: Redis was not told, or refused. Throws
 * `outcome_unknown` when Redis was told and did not answer. Without an idempotency key the prediction is then canceled as
 * soon as Redis is back: its caller is likely to have submitted it again. Only this process knows of it, so it may run
 * where that ends before.
 */
export type EnqueuePrediction = (prediction: NewPrediction) => Promise<void>

type Options = {
  /** a connection other than the guard's and the queues', so that a long input does not hold up short commands */
  bulk: Redis
  namespace: string
  /** on the connection of the queues */
  guard: SubmitGuard
  queues: PredictionQueues
  redisClock: Pick<RedisClock, 'adjust'>
  abandoned: AbandonedSubmits
}

export const createEnqueuePrediction = (options: Options): EnqueuePrediction => {
  const { bulk, namespace, guard, queues, redisClock, abandoned } = options

  const writeLargeInput = async ({ id, job }: NewPrediction, largeInput: string | Uint8Array) => {
    try {
      const text = typeof largeInput === 'string' ? largeInput : Buffer.from(largeInput.buffer)
      await bulk.set(modelKeys(namespace, job.model).input(id), text, 'PX', unclaimedInputTtlMs)
    } catch (err) {
      throw isRedisAway(err) ? queueUnavailable(err) : err
    }
  }

  /** Resolves when Redis has answered to both, or can't any more. */
  const burst = async ({ id, job, largeInput, attempts, isKeyed, isTurnOver = false }: NewPrediction) => {
    const queue = queues.open(job.model)
    const { isLate } = await guard.send({
      id,
      model: job.model,
      owner: job.owner,
      createdAt: job.createdAt,
      deadline: job.deadline,
      rows: rowsOf(job),
      hasLargeInput: largeInput !== null,
      isKeyed,
      isTurnOver,
    })
    const [added] = await Promise.allSettled([queue.add(job.owner, job, jobOptions(id, job, attempts))])
    return [await isLate, added] as const
  }

  return async (prediction) => {
    const { id, job, isKeyed } = prediction
    if (prediction.largeInput !== null) await writeLargeInput(prediction, prediction.largeInput)
    const sentAt = performance.now()
    const [guarded, added] = await burst(prediction)
    const failed = [added, guarded].find((one) => one.status === 'rejected')
    if (failed) {
      const err: unknown = failed.reason
      const isRefused = added.status === 'rejected' && hadNoEffect(added.reason)
      const isListed = guarded.status === 'fulfilled' || !hadNoEffect(guarded.reason)
      // what Redis kept of it is undone: the listing alone, or the prediction
      if (!isKeyed && (isListed || !isRefused))
        abandoned.add({ id, model: job.model, owner: job.owner, rows: rowsOf(job), isPack: false, sentAt })
      if (isRefused) throw queueUnavailable(err)
      throw isRedisAway(err) ? outcomeUnknown(id, { isKeyed, cause: err }) : err
    }
    if (guarded.status !== 'fulfilled' || !guarded.value || isKeyed) return
    // judged by a clock that may have been set since it was last read
    redisClock.adjust()
    throw new CameLate()
  }
}

export const outcomeUnknown = (id: string, { isKeyed, cause }: { isKeyed: boolean; cause?: unknown }) =>
  new AppError(
    'outcome_unknown',
    isKeyed
      ? 'the queue did not answer in time, so this prediction may or may not run; retry with the same Idempotency-Key'
      : 'the queue did not answer in time; if it was accepted this prediction is canceled when the queue is back, unless this ' +
          'server ends before: submit it again, with an Idempotency-Key, and then retry with the same Idempotency-Key',
    { retryAfterSeconds: 1, headers: { Location: predictionPath(id) }, extra: { id }, cause },
  )
