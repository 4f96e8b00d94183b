import { DelayedError, WaitingError, Worker } from 'bullmq'
import type { Job } from 'bullmq'
import { lockSettings, modelPrefix, predictionJobSchema, queueName } from '@onqueue/shared'
import { fetchAhead, Hand } from './in-flight.ts'
import { createPredictionProcessor } from './process-prediction.ts'
import type { ProcessorOptions, TakenPrediction } from './process-prediction.ts'

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

type Options = Omit<ProcessorOptions, 'graceIsOver'>

/** What BullMQ keeps as the job's return value: it is stored twice, and nothing reads it. */
const done = 1

export const consumePredictions = (options: Options): Consumer => {
  const { redis, namespace, model, versions, log } = options
  const handRows = Math.max(...[...versions.values()].map((version) => version.handRows))
  const hand = new Hand(handRows)
  const graceIsOver = new AbortController()
  const { processPrediction, retryOrFail } = createPredictionProcessor({
    ...options,
    graceIsOver: graceIsOver.signal,
  })
  let completing = 0
  let isDrained = true

  const process = async (job: Job, token?: string) => {
    const id = job.id ?? ''
    hand.handedOver(id)
    followHand()
    try {
      const prediction = predictionJobSchema.parse(job.data)
      return await carryOut({ id, job, prediction, token })
    } finally {
      hand.remove(id)
    }
  }

  const carryOut = async (taken: TakenPrediction) => {
    try {
      await processPrediction(taken)
    } catch (err) {
      if (err instanceof DelayedError || err instanceof WaitingError) throw err
      await retryOrFail(taken, err)
    }
    completing += 1
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
