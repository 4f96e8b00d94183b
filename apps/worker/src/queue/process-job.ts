import { DelayedError, WaitingError } from 'bullmq'
import {
  canceledByDeadline,
  endedOutcome,
  expiredOutcome,
  JsonText,
  modelKeys,
  refusalOf,
} from '@onqueue/shared'
import type { ModelVersion } from '../serving/model-version.ts'
import type { RunEnd } from '../serving/work.ts'
import { announceStart } from './announce-start.ts'
import { endPrediction } from './end-prediction.ts'
import { freshMs, msFresh } from './ms-fresh.ts'
import { retryLater, returnToQueue } from './put-back.ts'
import { attemptOf } from './taken-job.ts'
import type { Processing, TakenJob, TakenPrediction } from './taken-job.ts'
import { toOutcome } from './to-outcome.ts'
import { watchDeadline } from './watch-deadline.ts'

/**
 * Has the predictions of a job run, each by itself, and writes how they ended; or puts the job back into the queue, for those
 * that did not end. What is thrown tells BullMQ where the job is: `WaitingError` and `DelayedError` that it was put back,
 * anything else that it needs another attempt.
 */
export const processJob = async (processing: Processing, taken: TakenJob) => {
  const [first] = taken.predictions
  if (!first) return
  const version = processing.versionOf(first.prediction.digest)
  const interrupted = version ? await runAll(processing, taken, version) : await putOff(processing, taken)
  if (interrupted.length > 0) await retryOrFail(processing, taken, interrupted)
}

/** A prediction that did not come to its end. */
type Interrupted = { one: TakenPrediction; err: unknown }

/** What interrupts one of them interrupts none of the others. */
const runAll = async (processing: Processing, taken: TakenJob, version: ModelVersion) => {
  const ends = await Promise.allSettled(taken.predictions.map((one) => run(processing, one, version)))
  if (ends.some((end) => end.status === 'fulfilled' && end.value === 'returned'))
    return await returnToQueue(processing, taken)
  return taken.predictions.flatMap((one, index): Interrupted[] => {
    const end = ends[index]
    return end?.status === 'rejected' ? [{ one, err: end.reason }] : []
  })
}

const putOff = async (processing: Processing, taken: TakenJob) => {
  try {
    await retryLater(processing, taken)
    return []
  } catch (err) {
    if (err instanceof DelayedError || err instanceof WaitingError) throw err
    return taken.predictions.map((one): Interrupted => ({ one, err }))
  }
}

/** Resolves to whether it has an outcome, or is to run again. */
const run = async (
  processing: Processing,
  taken: TakenPrediction,
  version: ModelVersion,
): Promise<'ended' | 'returned'> => {
  const { id, job, prediction, seenOpenAt = 0 } = taken
  const startedAt = job.processedOn ?? processing.clock()
  announceStart(processing, id, prediction)
  const deadline = watchDeadline(prediction.deadline, processing.clock())
  const { createdAt } = prediction
  const wasTaken = job.stalledCounter > 0 || attemptOf(taken) > 1
  try {
    const rows = await readRows(processing, taken)
    const end: RunEnd = deadline.signal.aborted
      ? { kind: 'dropped', hasRun: false }
      : await version.run({
          id,
          rows,
          lane: rows.length > version.description.interface.batching.maxRows ? 'batch' : 'interactive',
          apart: job.stalledCounter > 0,
          freshUntil: Math.max(
            performance.now() + msFresh({ createdAt, wasTaken, now: processing.clock() }),
            seenOpenAt + freshMs,
          ),
          signal: deadline.signal,
        })
    return await settle(processing, taken, { end, startedAt, isOverdue: deadline.signal.aborted })
  } finally {
    deadline.clear()
  }
}

/** The rows of a prediction. A large one is not parsed here, only in the executor. */
const readRows = async ({ redis, namespace, model }: Processing, { id, prediction }: TakenPrediction) => {
  const { arrayLength, input } = prediction
  if (input instanceof JsonText && arrayLength === null) return [input]
  if (input !== undefined) return toRows(input instanceof JsonText ? input.value() : input, arrayLength)
  const text = await redis.get(modelKeys(namespace, model).input(id))
  if (text === null) throw new Error('the input is gone')
  if (arrayLength === null) return [new JsonText(text)]
  return toRows(JSON.parse(text), arrayLength)
}

const toRows = (input: unknown, arrayLength: number | null): unknown[] =>
  arrayLength !== null && Array.isArray(input) ? input : [input]

const settle = async (
  processing: Processing,
  taken: TakenPrediction,
  { end, startedAt, isOverdue }: { end: RunEnd; startedAt: number; isOverdue: boolean },
): Promise<'ended' | 'returned'> => {
  const now = processing.clock()
  const attempts = attemptOf(taken)
  switch (end.kind) {
    case 'finished': {
      const isArray = taken.prediction.arrayLength !== null
      const outcome = toOutcome(end.report, { isArray, startedAt, now, attempts })
      await endPrediction(processing, taken, outcome)
      return 'ended'
    }
    case 'dropped': {
      // it has an outcome already
      if (!isOverdue) return 'ended'
      // a timer may be early by a moment
      const endedAt = Math.max(now, taken.prediction.deadline ?? now)
      const outcome = end.hasRun
        ? canceledByDeadline({ now: endedAt, startedAt, attempts })
        : expiredOutcome(endedAt)
      await endPrediction(processing, taken, outcome)
      return 'ended'
    }
    case 'returned':
      return 'returned'
  }
}

/**
 * What follows where predictions were interrupted: rejects while they may be tried again, and resolves when they have failed for
 * good.
 */
const retryOrFail = async (processing: Processing, taken: TakenJob, interrupted: readonly Interrupted[]) => {
  const { model, clock, log } = processing
  // no fault of theirs, so no attempt
  if (interrupted.some(({ err }) => refusalOf(err))) return await returnToQueue(processing, taken)
  for (const { one, err } of interrupted)
    log.error({ err, predictionId: one.id, model }, 'prediction was interrupted')
  if (attemptOf(taken) < (taken.job.opts.attempts ?? 1)) throw interrupted[0]?.err
  const detail = 'the prediction was interrupted at every attempt; the worker logged why'
  const ended = { code: 'inference_failed', detail, now: clock(), attempts: attemptOf(taken) } as const
  const outcome = endedOutcome('failed', ended)
  await Promise.all(interrupted.map(({ one }) => endPrediction(processing, one, outcome)))
}
