import { DelayedError, WaitingError } from 'bullmq'
import {
  areFinal,
  clearTakenAt,
  delayJob,
  endedOutcome,
  explainVersionGone,
  levelOf,
  modelKeys,
  outlastRefusals,
  readModel,
  workersWith,
} from '@onqueue/shared'
import type { RedisStore } from '@onqueue/shared'
import { endPrediction } from './end-prediction.ts'
import { attemptOf } from './taken-job.ts'
import type { Processing, TakenJob } from './taken-job.ts'

/** When a worker first put the prediction off (ms since the epoch), beside BullMQ's own fields of the job. */
const putOffField = 'onqueue:sent-back-at'

/** Puts the job back for any worker to take at once; throws what tells BullMQ so. */
export const returnToQueue = async (
  processing: Processing,
  { id, job, token }: Pick<TakenJob, 'id' | 'job' | 'token'>,
): Promise<never> => {
  await putBack(processing, id, () => job.moveToWait(token))
  throw new WaitingError()
}

/**
 * Puts off a job that was made for a definition which this worker has not, since another worker may have it; throws what tells
 * BullMQ so. Resolves when all that it is for has an outcome: that nobody had the definition for too long.
 */
export const retryLater = async (processing: Processing, taken: TakenJob) => {
  const { redis, namespace, clock, model, versionPatienceMs } = processing
  const { id, job, token, predictions } = taken
  const now = clock()
  const keys = modelKeys(namespace, model)
  const [prediction] = predictions
  const [isOver] = await areFinal({ redis, namespace }, model, [id])
  // final, or without a record any more
  if (isOver || !prediction || !(await redis.exists(keys.queue(id)))) return
  // the time in a long queue does not count: the worker with the right version may not have come to it yet
  await redis.hsetnx(keys.queue(id), putOffField, now)
  const waitedMs = now - Number(await redis.hget(keys.queue(id), putOffField))
  const { version, digest } = prediction.prediction
  if (waitedMs > versionPatienceMs && !(await hasLiveWorker({ redis, namespace }, { model, digest }))) {
    const detail = explainVersionGone(version)
    const ended = { code: 'worker_lost', detail, now, attempts: attemptOf(taken) } as const
    const outcome = endedOutcome('failed', ended)
    await Promise.all(predictions.map((one) => endPrediction(processing, one, outcome)))
    return
  }
  await putBack(processing, id, () => delayJob(job, retryDelayMs(waitedMs), token))
  throw new DelayedError()
}

/** Whether any worker has the definition, ready or not yet. */
const hasLiveWorker = async (store: RedisStore, { model, digest }: { model: string; digest: string }) => {
  const { heartbeats } = await readModel(store, model)
  return workersWith(heartbeats, digest).length > 0
}

/** From 1 s up to 30 s: a whole backlog may be waiting for a version that nobody has any more. */
const retryDelayMs = (waitedMs: number) => Math.min(30_000, Math.max(1000, waitedMs / 4))

/** Where this fails, the lock is lost and another worker has the job already, or it will stall and be taken again. */
const putBack = async (
  { redis, namespace, model, log, graceIsOver }: Processing,
  id: string,
  move: () => Promise<unknown>,
) => {
  try {
    await outlastRefusals(() => clearTakenAt({ redis, namespace }, model, id), graceIsOver)
    await outlastRefusals(move, graceIsOver)
  } catch (err) {
    log[levelOf(err)]({ err, predictionId: id, model }, 'prediction could not be handed back')
  }
}
