import { setTimeout as sleep } from 'node:timers/promises'
import { DelayedError, WaitingError } from 'bullmq'
import type { Job } from 'bullmq'
import type { Redis } from 'ioredis'
import {
  canceledByDeadline,
  endedOutcome,
  expiredOutcome,
  isOutOfMemory,
  modelKeys,
  readModel,
} from '@onqueue/shared'
import type { Logger, Outcome, OutcomeWriter, PredictionJobData } from '@onqueue/shared'
import type { ModelVersion } from '../serving/model-version.ts'
import { announceStart } from './announce-start.ts'
import { toOutcome } from './to-outcome.ts'
import { watchDeadline } from './watch-deadline.ts'

/** A prediction that was taken from the queue. */
export type TakenPrediction = {
  id: string
  job: Job
  prediction: PredictionJobData
  /** holds the job's lock */
  token: string | undefined
}

export type ProcessorOptions = {
  redis: Redis
  namespace: string
  model: string
  /** by digest */
  versions: Map<string, ModelVersion>
  outcomes: OutcomeWriter
  log: Logger
  /** how long a prediction waits for a worker that has its version */
  versionPatienceMs: number
  onEnded: (prediction: PredictionJobData, outcome: Outcome) => void
  /** aborts when what is in hand goes back to the queue */
  graceIsOver: AbortSignal
}

/** Between two tries to write an outcome into a Redis that is full. */
const roomPauseMs = 250

/**
 * Has one prediction run and writes how it ended, or hands it back to the queue. What is thrown tells BullMQ where the
 * job is now: `WaitingError` and `DelayedError` that it was handed back, anything else that it needs another attempt.
 */
export const createPredictionProcessor = (options: ProcessorOptions) => {
  const { redis, namespace, model, versions, outcomes, log, versionPatienceMs, onEnded, graceIsOver } =
    options

  /** Resolves when the prediction has an outcome. Rejects when it was handed back, or interrupted. */
  const processPrediction = async (taken: TakenPrediction) => {
    const version = versions.get(taken.prediction.digest)
    if (version) await run(taken, version)
    else await sendBack(taken)
  }

  const run = async (taken: TakenPrediction, version: ModelVersion) => {
    const { id, job, prediction } = taken
    const startedAt = job.processedOn ?? Date.now()
    announceStart({ redis, namespace }, id, prediction)
    const deadline = watchDeadline(prediction.deadline)
    try {
      const isArray = prediction.arrayLength !== null
      const input = prediction.input ?? (await readInput(id))
      const rows = isArray && Array.isArray(input) ? input : [input]
      const end = deadline.signal.aborted
        ? { kind: 'dropped' as const, hasRun: false }
        : await version.run({
            id,
            rows,
            lane: rows.length > version.description.batching.maxRows ? 'batch' : 'interactive',
            alone: job.stalledCounter > 0,
            signal: deadline.signal,
          })
      if (end.kind === 'given-back') return await waitAgain(taken)
      const now = Date.now()
      const attempts = attemptOf(job)
      if (end.kind === 'finished')
        await finish(taken, toOutcome(end.report, { isArray, startedAt, now, attempts }))
      else if (deadline.signal.aborted)
        await finish(
          taken,
          end.hasRun ? canceledByDeadline({ now, startedAt, attempts }) : expiredOutcome(now),
        )
    } finally {
      deadline.clear()
    }
  }

  const readInput = async (id: string): Promise<unknown> => {
    const text = await redis.get(modelKeys(namespace, model).input(id))
    if (text === null) throw new Error('the input is gone')
    return JSON.parse(text)
  }

  const finish = async ({ id, prediction }: TakenPrediction, outcome: Outcome) => {
    const written = await writeOutcome(id, prediction, outcome)
    if (written.won) onEnded(prediction, outcome)
    log.debug(
      { predictionId: id, requestId: prediction.requestId, status: written.outcome.status },
      'prediction ended',
    )
  }

  /** A Redis that is full takes no outcome. It is kept until the janitors have made room: the rows need not run again. */
  const writeOutcome = async (id: string, prediction: PredictionJobData, outcome: Outcome) => {
    for (;;) {
      try {
        return await outcomes.write(id, outcome, prediction)
      } catch (err) {
        if (!isOutOfMemory(err) || graceIsOver.aborted) throw err
      }
      await pauseForRoom()
    }
  }

  const pauseForRoom = () => sleep(roomPauseMs, undefined, { signal: graceIsOver }).catch(() => undefined)

  /** This worker has another definition of the version: another worker may have the right one. */
  const sendBack = async (taken: TakenPrediction) => {
    const { id, job, prediction, token } = taken
    const now = Date.now()
    const keys = modelKeys(namespace, model)
    if (await redis.exists(keys.outcome(id))) return
    // the time in a long queue does not count: the worker with the right version may not have come to it yet
    await redis.hsetnx(keys.queue(id), sentBackField, now)
    const waitedMs = now - Number(await redis.hget(keys.queue(id), sentBackField))
    if (waitedMs > versionPatienceMs && !(await hasLiveWorker(prediction.digest))) {
      const detail = `no worker has version ${prediction.version} as it was when this was submitted; submit it again`
      const ended = { code: 'worker_lost', detail, now, attempts: attemptOf(job) } as const
      return await finish(taken, endedOutcome('failed', ended))
    }
    await handBack(id, () => job.moveToDelayed(now + sendBackDelayMs(waitedMs), token))
    throw new DelayedError()
  }

  const hasLiveWorker = async (digest: string) => {
    const { heartbeats } = await readModel({ redis, namespace }, model)
    return heartbeats.some((heartbeat) => heartbeat.versions.some((version) => version.digest === digest))
  }

  const waitAgain = async ({ id, job, token }: TakenPrediction): Promise<never> => {
    await handBack(id, () => job.moveToWait(token))
    throw new WaitingError()
  }

  /** Where this fails, the lock is lost and another worker has the job already, or it will stall and be taken again. */
  const handBack = async (id: string, move: () => Promise<unknown>) => {
    try {
      // it waits again, and nobody has taken it
      await redis.hdel(modelKeys(namespace, model).queue(id), 'processedOn')
      await move()
    } catch (err) {
      log.warn({ err, predictionId: id, model }, 'prediction could not be handed back')
    }
  }

  /**
   * What follows when `err` interrupted the prediction: rejects while it may be tried again, and resolves when it has
   * failed for good.
   */
  const retryOrFail = async (taken: TakenPrediction, err: unknown) => {
    const { id, job } = taken
    if (isOutOfMemory(err)) {
      // no fault of the prediction, so no attempt
      await pauseForRoom()
      return await waitAgain(taken)
    }
    log.error({ err, predictionId: id, model }, 'prediction was interrupted')
    if (attemptOf(job) < (job.opts.attempts ?? 1)) throw err
    const detail = 'the prediction was interrupted at every attempt; the worker logged why'
    const ended = { code: 'inference_failed', detail, now: Date.now(), attempts: attemptOf(job) } as const
    await finish(taken, endedOutcome('failed', ended))
  }

  return { processPrediction, retryOrFail }
}

/** When a worker first had to send the prediction back (ms), beside BullMQ's own fields of the job. */
const sentBackField = 'onqueue:sent-back-at'

/** From 1 s up to 30 s: a whole backlog may be waiting for a version that nobody has any more. */
const sendBackDelayMs = (waitedMs: number) => Math.min(30_000, Math.max(1000, waitedMs / 4))

const attemptOf = (job: Job) => job.attemptsMade + 1
