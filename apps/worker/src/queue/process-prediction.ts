import { DelayedError, WaitingError } from 'bullmq'
import { canceledByDeadline, endedOutcome, expiredOutcome, modelKeys, refusalOf } from '@onqueue/shared'
import type { PredictionJobData } from '@onqueue/shared'
import type { ModelVersion } from '../serving/model-version.ts'
import type { RunEnd } from '../serving/work.ts'
import { announceStart } from './announce-start.ts'
import { endPrediction } from './end-prediction.ts'
import { retryLater, returnToQueue } from './put-back.ts'
import { attemptOf } from './taken-prediction.ts'
import type { Processing, TakenPrediction } from './taken-prediction.ts'
import { toOutcome } from './to-outcome.ts'
import { watchDeadline } from './watch-deadline.ts'

/**
 * Has one prediction run and writes how it ended, or puts it back into the queue. What is thrown tells BullMQ where the
 * job is: `WaitingError` and `DelayedError` that it was put back, anything else that it needs another attempt.
 */
export const processPrediction = async (processing: Processing, taken: TakenPrediction) => {
  const version = processing.versionOf(taken.prediction.digest)
  try {
    if (version) await run(processing, taken, version)
    else await retryLater(processing, taken)
  } catch (err) {
    if (err instanceof DelayedError || err instanceof WaitingError) throw err
    await retryOrFail(processing, taken, err)
  }
}

const run = async (processing: Processing, taken: TakenPrediction, version: ModelVersion) => {
  const { id, job, prediction } = taken
  const startedAt = job.processedOn ?? Date.now()
  announceStart(processing, id, prediction)
  const deadline = watchDeadline(prediction.deadline)
  try {
    const rows = toRows(prediction, prediction.input ?? (await readLargeInput(processing, id)))
    const end: RunEnd = deadline.signal.aborted
      ? { kind: 'dropped', hasRun: false }
      : await version.run({
          id,
          rows,
          lane: rows.length > version.description.interface.batching.maxRows ? 'batch' : 'interactive',
          alone: job.stalledCounter > 0,
          signal: deadline.signal,
        })
    await settle(processing, taken, { end, startedAt, isOverdue: deadline.signal.aborted })
  } finally {
    deadline.clear()
  }
}

const toRows = ({ arrayLength }: PredictionJobData, input: unknown): unknown[] =>
  arrayLength !== null && Array.isArray(input) ? input : [input]

const readLargeInput = async ({ redis, namespace, model }: Processing, id: string): Promise<unknown> => {
  const text = await redis.get(modelKeys(namespace, model).input(id))
  if (text === null) throw new Error('the input is gone')
  return JSON.parse(text)
}

const settle = async (
  processing: Processing,
  taken: TakenPrediction,
  { end, startedAt, isOverdue }: { end: RunEnd; startedAt: number; isOverdue: boolean },
) => {
  const now = Date.now()
  const attempts = attemptOf(taken)
  switch (end.kind) {
    case 'finished': {
      const isArray = taken.prediction.arrayLength !== null
      const outcome = toOutcome(end.report, { isArray, startedAt, now, attempts })
      return await endPrediction(processing, taken, outcome)
    }
    case 'dropped': {
      // it has an outcome already
      if (!isOverdue) return undefined
      const outcome = end.hasRun ? canceledByDeadline({ now, startedAt, attempts }) : expiredOutcome(now)
      return await endPrediction(processing, taken, outcome)
    }
    case 'returned':
      return await returnToQueue(processing, taken)
  }
}

/**
 * What follows when `err` interrupted the prediction: rejects while it may be tried again, and resolves when it has
 * failed for good.
 */
const retryOrFail = async (processing: Processing, taken: TakenPrediction, err: unknown) => {
  const { model, log } = processing
  const { id, job } = taken
  // no fault of the prediction, so no attempt
  if (refusalOf(err)) return await returnToQueue(processing, taken)
  log.error({ err, predictionId: id, model }, 'prediction was interrupted')
  if (attemptOf(taken) < (job.opts.attempts ?? 1)) throw err
  const detail = 'the prediction was interrupted at every attempt; the worker logged why'
  const ended = { code: 'inference_failed', detail, now: Date.now(), attempts: attemptOf(taken) } as const
  await endPrediction(processing, taken, endedOutcome('failed', ended))
}
