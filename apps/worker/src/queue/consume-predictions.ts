import { setTimeout as sleep } from 'node:timers/promises'
import { DelayedError, WaitingError, Worker } from 'bullmq'
import type { Job } from 'bullmq'
import type { Redis } from 'ioredis'
import {
  canceledByDeadline,
  endedOutcome,
  expiredOutcome,
  isOutOfMemory,
  lockSettings,
  modelKeys,
  modelPrefix,
  predictionJobSchema,
  queueName,
  readModel,
} from '@onqueue/shared'
import type { Logger, Outcome, OutcomeWriter, PredictionJobData } from '@onqueue/shared'
import type { ModelVersion } from '../serving/model-version.ts'
import { fetchAhead, Hand } from './hand.ts'
import { toOutcome } from './to-outcome.ts'
import { watchDeadline } from './watch-deadline.ts'

/**
 * Takes predictions of one model from its queue, has them run, and writes how they ended.
 *
 * The outcome is written before the job completes. Killed between the two, the job stalls, another worker takes it,
 * finds the outcome and completes it without running anything. A job always completes: BullMQ's `failed` is left for
 * predictions whose workers were lost, and thrown errors are for another attempt.
 */
export type Consumer = {
  /** Predictions taken and not finished. */
  inHand(): number
  /** True while finished predictions are being exchanged for waiting ones, so that rows are on their way. */
  isExpectingRows(): boolean
  /** Stops taking, lets what is in hand finish for `graceMs`, and hands the rest back to the queue. */
  close(graceMs: number): Promise<void>
}

type Options = {
  redis: Redis
  namespace: string
  model: string
  /** by digest */
  versions: Map<string, ModelVersion>
  outcomes: OutcomeWriter
  log: Logger
  /** how long a prediction waits for a worker that has its version */
  versionPatienceMs: number
  onEnded: (job: PredictionJobData, outcome: Outcome) => void
}

/** What BullMQ keeps as the job's return value: it is stored twice, and nothing reads it. */
const done = 1
/** Between two tries to write an outcome into a Redis that is full. */
const roomPauseMs = 250
export const consumePredictions = (options: Options): Consumer => {
  const { redis, namespace, model, versions, outcomes, log, versionPatienceMs, onEnded } = options
  const handRows = Math.max(...[...versions.values()].map((version) => version.handRows))
  const hand = new Hand(handRows)
  const graceIsOver = new AbortController()
  let completing = 0
  let isDrained = true

  const process = async (job: Job, token?: string) => {
    const id = job.id ?? ''
    hand.handedOver(id)
    followHand()
    try {
      const prediction = predictionJobSchema.parse(job.data)
      return await carryOut(id, job, prediction, token)
    } finally {
      hand.remove(id)
    }
  }

  const carryOut = async (id: string, job: Job, prediction: PredictionJobData, token?: string) => {
    try {
      const version = versions.get(prediction.digest)
      if (version) await run(id, job, prediction, version, token)
      else await sendBack(id, job, prediction, token)
      completing += 1
      return done
    } catch (err) {
      if (err instanceof DelayedError || err instanceof WaitingError) throw err
      return await retryOrFail(id, job, prediction, err, token)
    }
  }

  const run = async (
    id: string,
    job: Job,
    prediction: PredictionJobData,
    version: ModelVersion,
    token?: string,
  ) => {
    const startedAt = job.processedOn ?? Date.now()
    const deadline = watchDeadline(prediction.deadline)
    try {
      const input = prediction.input ?? (await readInput(id))
      const rows = prediction.arrayLength !== null && Array.isArray(input) ? input : [input]
      const end = deadline.signal.aborted
        ? { kind: 'dropped' as const, hasRun: false }
        : await version.run({
            id,
            rows,
            lane: rows.length > version.description.batching.maxRows ? 'batch' : 'interactive',
            alone: job.stalledCounter > 0,
            signal: deadline.signal,
          })
      if (end.kind === 'given-back') {
        await handBack(id, () => job.moveToWait(token))
        throw new WaitingError()
      }
      const isArray = prediction.arrayLength !== null
      const now = Date.now()
      if (end.kind === 'finished') {
        await finish(
          id,
          prediction,
          toOutcome(end.report, { isArray, startedAt, now, attempts: attemptOf(job) }),
        )
      } else if (deadline.signal.aborted) {
        const attempts = attemptOf(job)
        await finish(
          id,
          prediction,
          end.hasRun ? canceledByDeadline({ now, startedAt, attempts }) : expiredOutcome(now),
        )
      }
    } finally {
      deadline.clear()
    }
  }

  const finish = async (id: string, prediction: PredictionJobData, outcome: Outcome) => {
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
        return await outcomes.write(id, outcome, { rows: prediction.arrayLength ?? 1 })
      } catch (err) {
        if (!isOutOfMemory(err) || graceIsOver.signal.aborted) throw err
      }
      await pauseForRoom()
    }
  }

  const pauseForRoom = () =>
    sleep(roomPauseMs, undefined, { signal: graceIsOver.signal }).catch(() => undefined)

  const readInput = async (id: string): Promise<unknown> => {
    const text = await redis.get(modelKeys(namespace, model).input(id))
    if (text === null) throw new Error('the input is gone')
    return JSON.parse(text)
  }

  /** This worker has another definition of the version: another worker may have the right one. */
  const sendBack = async (id: string, job: Job, prediction: PredictionJobData, token?: string) => {
    const now = Date.now()
    const keys = modelKeys(namespace, model)
    if (await redis.exists(keys.outcome(id))) return
    // the time in a long queue does not count: the worker with the right version may not have come to it yet
    await redis.hsetnx(keys.queue(id), sentBackField, now)
    const waitedMs = now - Number(await redis.hget(keys.queue(id), sentBackField))
    if (waitedMs > versionPatienceMs && !(await hasLiveWorker(prediction.digest))) {
      const detail = `no worker has version ${prediction.version} as it was when this was submitted; submit it again`
      await finish(
        id,
        prediction,
        endedOutcome('failed', { code: 'worker_lost', detail, now, attempts: attemptOf(job) }),
      )
      return
    }
    await handBack(id, () => job.moveToDelayed(now + sendBackDelayMs(waitedMs), token))
    throw new DelayedError()
  }

  const hasLiveWorker = async (digest: string) => {
    const { heartbeats } = await readModel({ redis, namespace }, model)
    return heartbeats.some((heartbeat) => heartbeat.versions.some((version) => version.digest === digest))
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

  const retryOrFail = async (
    id: string,
    job: Job,
    prediction: PredictionJobData,
    err: unknown,
    token?: string,
  ) => {
    if (isOutOfMemory(err)) {
      // no fault of the prediction, so no attempt
      await pauseForRoom()
      await handBack(id, () => job.moveToWait(token))
      throw new WaitingError()
    }
    log.error({ err, predictionId: id, model }, 'prediction was interrupted')
    if (attemptOf(job) < (job.opts.attempts ?? 1)) throw err
    const detail = 'the prediction was interrupted at every attempt; the worker logged why'
    const ended = { code: 'inference_failed', detail, now: Date.now(), attempts: attemptOf(job) } as const
    await finish(id, prediction, endedOutcome('failed', ended))
    return done
  }

  const followHand = () => {
    worker.concurrency = hand.concurrency(completing)
  }

  const worker: Worker = new Worker(queueName, process, {
    connection: redis,
    prefix: modelPrefix(namespace, model),
    concurrency: Math.min(handRows, fetchAhead),
    ...lockSettings,
    drainDelay: 5,
    runRetryDelay: 1000,
    skipVersionCheck: true,
  })
  worker.on('active', (job: Job) => {
    isDrained = false
    const { data: prediction } = predictionJobSchema.safeParse(job.data)
    // BullMQ fails these by itself
    if (!prediction || job.deferredFailure) return
    hand.fetched(job.id ?? '', prediction)
    followHand()
  })
  worker.on('completed', () => {
    completing = Math.max(0, completing - 1)
    if (completing === 0) expectationChanged()
  })
  worker.on('drained', () => {
    isDrained = true
    completing = 0
    expectationChanged()
  })
  worker.on('error', (err) => log.debug({ err, model }, 'queue'))

  const expectationChanged = () => {
    for (const version of versions.values()) version.expectationChanged()
  }

  return {
    inHand: () => hand.size,
    isExpectingRows: () => hand.isAnyAhead || (completing > 0 && !isDrained),
    close: async (graceMs) => {
      const timer = setTimeout(() => {
        graceIsOver.abort()
        for (const version of versions.values()) version.giveBack()
      }, graceMs)
      await worker.close()
      clearTimeout(timer)
    },
  }
}

/** When a worker first had to send the prediction back (ms), beside BullMQ's own fields of the job. */
const sentBackField = 'onqueue:sent-back-at'

/** From 1 s up to 30 s: a whole backlog may be waiting for a version that nobody has any more. */
const sendBackDelayMs = (waitedMs: number) => Math.min(30_000, Math.max(1000, waitedMs / 4))

const attemptOf = (job: Job) => job.attemptsMade + 1
