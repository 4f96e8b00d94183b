import { Worker } from 'bullmq'
import type { Job } from 'bullmq'
import {
  hasLostRecord,
  isPackJob,
  lockSettings,
  modelPrefix,
  onRedisTime,
  outlastRefusals,
  packJobSchema,
  predictionJobSchema,
  queueName,
  readPack,
  refusalOf,
  rowsOf,
} from '@onqueue/shared'
import type { ModelVersion } from '../serving/model-version.ts'
import { blockSeconds } from './block-seconds.ts'
import { InFlight } from './in-flight.ts'
import { LockRenewal } from './lock-renewal.ts'
import { createPausable } from './pausable.ts'
import { processJob } from './process-job.ts'
import type { Processing, TakenPrediction } from './taken-job.ts'
import type { Throughput } from './throughput.ts'

/** The versions of the model that this worker has. They may come and go. */
type Versions = {
  /** the one that takes predictions made for this digest */
  get(digest: string): ModelVersion | undefined
  /** all that may have rows, those included that take no more */
  all(): ModelVersion[]
  /** how many rows the worker should hold for them */
  maxInFlightRows(): number
}

/** Takes predictions of one model from its queue, has them run, and writes how they ended. */
export type Consumer = {
  /** Predictions taken and not finished. */
  countInFlight(): number
  /** True while finished predictions are being exchanged for waiting ones, so that rows are on their way. */
  isExpectingRows(): boolean
  /** Whether more are taken; what was taken goes on. */
  take(isWanted: boolean): void
  /** Stops taking, lets what was taken finish for `graceMs`, and returns the rest to the queue. */
  close(graceMs: number): Promise<void>
}

type Options = Omit<Processing, 'graceIsOver' | 'versionOf'> & {
  versions: Versions
  throughput: Pick<Throughput, 'taken' | 'left'>
  /** how many models the worker has: it waits at a queue of each; one when not given */
  models?: () => number
  events: { lossFound(kind: string): void }
}

/** Twice before a lock runs out. */
const lockRenewalMs = lockSettings.lockDuration / 3

/** Before a queue is asked again that was refused. */
const refusedPauseMs = 500

/** What BullMQ keeps as the job's return value: it is stored twice, and nothing reads it. */
const done = 1

/**
 * The outcome is written before the job completes. Killed between the two, the job stalls, another worker takes it,
 * finds the outcome and completes it without running anything. A job always completes: BullMQ's `failed` is left for
 * predictions whose workers were lost, and thrown errors are for another attempt.
 */
export const consumePredictions = ({ versions, throughput, ...options }: Options): Consumer => {
  const { redis, namespace, clock, model, log } = options
  const inFlight = new InFlight(() => versions.maxInFlightRows())
  const graceIsOver = new AbortController()
  const processing: Processing = {
    ...options,
    versionOf: (digest) => versions.get(digest),
    graceIsOver: graceIsOver.signal,
  }

  /** What a job is for: one prediction, or those of a pack that have not ended. */
  const readPredictions = async (job: Job): Promise<TakenPrediction[]> => {
    const id = job.id ?? ''
    if (!isPackJob(job.data)) return [{ id, job, prediction: predictionJobSchema.parse(job.data) }]
    const seenOpenAt = performance.now()
    const members = await readPack({ redis, namespace }, id, job.data)
    return members.map((member) => ({ id: member.id, job, prediction: member.job, seenOpenAt }))
  }

  const process = async (job: Job, token = '') => {
    const id = job.id ?? ''
    const takenAt = performance.now()
    let rows = 0
    const isPack = isPackJob(job.data)
    if (!isPack) inFlight.started(id)
    throughput.taken(takenAt)
    locks.hold(id, token)
    followInFlight()
    try {
      if (hasLostRecord(job)) {
        log.error({ predictionId: id, model }, 'redis has lost the record of a prediction: it is not run')
        options.events.lossFound('record')
        return done
      }
      const predictions = await outlastRefusals(() => readPredictions(job), graceIsOver.signal)
      const processed = processJob(processing, { id, job, token, predictions })
      // by then all of them wait for an executor: until then more rows are on their way, and a micro-batch waits for them
      if (isPack) setImmediate(() => handedOver(id))
      await processed
      rows = predictions.reduce((sum, { prediction }) => sum + rowsOf(prediction), 0)
      inFlight.completes(id)
      return done
    } finally {
      throughput.left(performance.now(), { takenAt, rows })
      locks.release(token)
      inFlight.remove(id)
    }
  }

  const settings = {
    connection: redis,
    prefix: modelPrefix(namespace, model),
    concurrency: inFlight.concurrency,
    ...lockSettings,
    skipLockRenewal: true,
    drainDelay: blockSeconds(options.models?.() ?? 1),
    runRetryDelay: 1000,
    skipVersionCheck: true,
    autorun: false,
  }
  const worker: Worker = new Worker(queueName, process, settings, onRedisTime(clock))
  const locks = new LockRenewal({
    intervalMs: lockRenewalMs,
    extend: async (ids, tokens) => {
      try {
        const lost = await worker.extendJobLocks(ids, tokens, lockSettings.lockDuration)
        if (lost.length > 0) log.debug({ model, predictionIds: lost }, 'predictions are not ours any more')
      } catch (err) {
        log.debug({ err, model }, 'locks could not be renewed')
      }
    },
  })
  worker.on('active', (job: Job) => {
    inFlight.fetched(job.id ?? '', job.deferredFailure ? undefined : weightOf(job.data))
    followInFlight()
  })
  worker.on('completed', () => {
    inFlight.completed()
    expectationChanged()
  })
  worker.on('drained', () => {
    inFlight.drained()
    expectationChanged()
  })
  worker.on('error', (err) => {
    log.debug({ err, model }, 'queue')
    if (refusalOf(err)) pauseBriefly()
  })

  const pause = createPausable(worker)
  let resuming: NodeJS.Timeout | undefined
  /**
   * With nothing in hand BullMQ asks again at once when it is refused, as fast as Redis can refuse; with a pause it asks twice a
   * second.
   */
  const pauseBriefly = () => {
    if (resuming !== undefined || worker.closing) return
    pause('refused', true)
    resuming = setTimeout(() => {
      resuming = undefined
      pause('refused', false)
    }, refusedPauseMs)
  }

  const followInFlight = () => {
    worker.concurrency = inFlight.concurrency
  }

  const handedOver = (id: string) => {
    inFlight.started(id)
    followInFlight()
    expectationChanged()
  }

  const expectationChanged = () => {
    if (inFlight.isExchanging) return
    for (const version of versions.all()) version.expectationChanged()
  }

  // its loop over the queue ends when it is told to. Should a defect end it the process has to end, too, so that it is started
  // again: BullMQ's autorun would only report it, and nobody would notice that nothing is taken any more
  void worker.run()

  return {
    countInFlight: () => inFlight.predictions,
    isExpectingRows: () => inFlight.isAnyAhead || inFlight.isExchanging,
    take: (isWanted) => pause('unwanted', !isWanted),
    close: async (graceMs) => {
      clearTimeout(resuming)
      const timer = setTimeout(() => {
        graceIsOver.abort()
        for (const version of versions.all()) version.returnAllToQueue()
      }, graceMs)
      await worker.close()
      locks.close()
      clearTimeout(timer)
    },
  }
}

/** What the predictions of a job weigh; undefined where it is none of ours. */
const weightOf = (data: object) => {
  if (isPackJob(data)) {
    const { data: pack } = packJobSchema.safeParse(data)
    return pack && { predictions: pack.pack, rows: pack.rows, bytes: pack.inputBytes }
  }
  const { data: prediction } = predictionJobSchema.safeParse(data)
  return prediction && { predictions: 1, rows: rowsOf(prediction), bytes: prediction.inputBytes }
}
