import { modelOfPredictionId } from '../contract/prediction-id.ts'
import { outcomeSchema, outcomeText } from '../contract/outcome.ts'
import type { Outcome } from '../contract/outcome.ts'
import { rowsOf } from '../contract/prediction-job.ts'
import type { PredictionJobData } from '../contract/prediction-job.ts'
import type { RedisStore } from '../redis/redis-store.ts'
import { createEndPredictions } from './end-predictions.ts'
import type { PredictionEnd } from './end-predictions.ts'

/**
 * Outcomes: the one truth about how a prediction ended.
 *
 * An outcome is written once, by whoever comes first: a worker that ran the prediction, a cancel, a deadline, or the janitor
 * for a lost worker. Who loses takes what is stored. BullMQ's lock does not fence our keys, so this is also what keeps a
 * frozen worker that wakes up from changing a result.
 *
 * Writes of one turn of the event loop leave together, as one step a model: a micro-batch costs one round trip.
 */
export type OutcomeWriter = {
  /**
   * Writes the outcome unless there is one, and resolves to the one that counts. `job` is of the prediction: its rows
   * are taken off the backlog, who waits for it is sent the outcome, and where it asked for a webhook the delivery is due in
   * the same step. Where its pack is gone nothing is written, and the outcome given stands. Without a job nobody is told but who listens for the model.
   */
  write(
    id: string,
    outcome: Outcome,
    job: Pick<PredictionJobData, 'arrayLength' | 'webhook' | 'replyTo' | 'packId'> | null,
  ): Promise<{ outcome: Outcome; won: boolean }>
}

type PendingWrite = PredictionEnd & {
  model: string
  outcome: Outcome
  resolve: (result: { outcome: Outcome; won: boolean }) => void
  reject: (reason: unknown) => void
}

export const createOutcomeWriter = (store: RedisStore): OutcomeWriter => {
  const endPredictions = createEndPredictions(store)
  let pending: PendingWrite[] = []

  const send = async (model: string, writes: PendingWrite[]) => {
    try {
      settleWrites(writes, await endPredictions(model, writes))
    } catch (err) {
      for (const write of writes) write.reject(err)
    }
  }
  const flush = () => {
    const writes = pending
    pending = []
    // send never rejects: it hands its errors to the writes
    for (const [model, group] of Map.groupBy(writes, (write) => write.model)) void send(model, group)
  }

  return {
    write: (id, outcome, job) =>
      new Promise((resolve, reject) => {
        const model = modelOfPredictionId(id)
        if (model === undefined) throw new Error(`not a prediction id: ${id}`)
        if (pending.length === 0) setImmediate(flush)
        pending.push({
          id,
          model,
          text: outcomeText(outcome),
          outcome,
          rows: job ? rowsOf(job) : 1,
          isDelivered: job?.webhook?.events.includes('completed') ?? false,
          replyTo: job?.replyTo,
          packId: job?.packId,
          resolve,
          reject,
        })
      }),
  }
}

export const parseOutcome = (text: string): Outcome => outcomeSchema.parse(JSON.parse(text))

const settleWrites = (writes: PendingWrite[], storedBefore: (string | null)[]) => {
  for (const [index, write] of writes.entries()) {
    const stored = storedBefore[index] ?? null
    // a write that was sent again after a lost connection finds its own text
    if (stored === null || stored === write.text) write.resolve({ outcome: write.outcome, won: true })
    else if (stored === '') write.resolve({ outcome: write.outcome, won: false })
    else settleLost(write, stored)
  }
}

/** One stored outcome that can't be read (of another release, say) must not fail the writes beside it. */
const settleLost = (write: PendingWrite, stored: string) => {
  try {
    write.resolve({ outcome: parseOutcome(stored), won: false })
  } catch (err) {
    write.reject(err)
  }
}
