import { Worker } from 'bullmq'
import type { Job } from 'bullmq'
import {
  hasLostRecord,
  lockSettings,
  modelPrefix,
  predictionJobSchema,
  queueName,
  refusalOf,
  rowsOf,
} from '@onqueue/shared'
import type { ModelVersion } from '../serving/model-version.ts'
import { InFlight } from './in-flight.ts'
import { createPausable } from './pausable.ts'
import { processPrediction } from './process-prediction.ts'
import type { Processing } from './taken-prediction.ts'
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
  events: { lossFound(kind: string): void }
}

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
  const { redis, namespace, model, log } = options
  const inFlight = new InFlight(() => versions.maxInFlightRows())
  const graceIsOver = new AbortController()
  const processing: Processing = {
    ...options,
    versionOf: (digest) => versions.get(digest),
    graceIsOver: graceIsOver.signal,
  }

  const process = async (job: Job, token?: string) => {
    const id = job.id ?? ''
    const takenAt = performance.now()
    let rows = 0
    inFlight.started(id)
    throughput.taken(takenAt)
    followInFlight()
    try {
      if (hasLostRecord(job)) {
        log.error({ predictionId: id, model }, 'redis has lost the record of a prediction: it is not run')
        options.events.lossFound('record')
        return done
      }
      const prediction = predictionJobSchema.parse(job.data)
      await processPrediction(processing, { id, job, prediction, token })
      rows = rowsOf(prediction)
      inFlight.completes(id)
      return done
    } finally {
      throughput.left(performance.now(), { takenAt, rows })
      inFlight.remove(id)
    }
  }

  const worker: Worker = new Worker(queueName, process, {
    connection: redis,
    prefix: modelPrefix(namespace, model),
    concurrency: inFlight.concurrency,
    ...lockSettings,
    drainDelay: 5,
    runRetryDelay: 1000,
    skipVersionCheck: true,
    autorun: false,
  })
  worker.on('active', (job: Job) => {
    const { data: prediction } = predictionJobSchema.safeParse(job.data)
    inFlight.fetched(job.id ?? '', job.deferredFailure ? undefined : prediction)
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

  const expectationChanged = () => {
    if (inFlight.isExchanging) return
    for (const version of versions.all()) version.expectationChanged()
  }

  // its loop over the queue ends when it is told to. Should a defect end it the process has to end, too, so that it is started
  // again: BullMQ's autorun would only report it, and nobody would notice that nothing is taken any more
  void worker.run()

  return {
    countInFlight: () => inFlight.size,
    isExpectingRows: () => inFlight.isAnyAhead || inFlight.isExchanging,
    take: (isWanted) => pause('unwanted', !isWanted),
    close: async (graceMs) => {
      clearTimeout(resuming)
      const timer = setTimeout(() => {
        graceIsOver.abort()
        for (const version of versions.all()) version.returnAllToQueue()
      }, graceMs)
      await worker.close()
      clearTimeout(timer)
    },
  }
}
