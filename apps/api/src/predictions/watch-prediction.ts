import { AppError, levelOf } from '@onqueue/shared'
import type { Logger, PredictionRecord } from '@onqueue/shared'
import type { PredictionReader } from './read-prediction.ts'
import type { OutcomeWaiters } from './wait-for-outcome.ts'
import type { ExpectedOutcome } from './waiter.ts'

/**
 * Follows one prediction until it is final, or until anything about it changes; resolves to the prediction as it is then,
 * or when `waitMs` is over, `signal` aborts or the process closes. While Redis is away the last reading stands. Throws
 * `prediction_not_found` when it is gone.
 */
export type PredictionWatcher = {
  untilFinal(record: PredictionRecord, wait: Wait): Promise<PredictionRecord>
  /** `isKnown` tells the states that the caller has seen. */
  untilChange(
    record: PredictionRecord,
    wait: Wait & { isKnown: (record: PredictionRecord) => boolean },
  ): Promise<PredictionRecord>
}

export type Wait = {
  /** nothing is waited for when it isn't above 0 */
  waitMs: number
  signal: AbortSignal | undefined
  /** registered before the prediction was enqueued; stays the caller's to release */
  expected?: ExpectedOutcome | null
}

/** Nobody tells that a worker took a prediction: a queued one is looked at this often. */
const lookAgainMs = 500
/** After its deadline a prediction is looked at when its worker had time to say how it ended. */
const deadlineGraceMs = 50

export const createPredictionWatcher = ({
  reader,
  waiters,
  clock,
  log,
}: {
  reader: Pick<PredictionReader, 'find'>
  waiters: Pick<OutcomeWaiters, 'expect' | 'isClosed'>
  /** Redis' */
  clock: () => number
  log: Logger
}): PredictionWatcher => {
  const readAgain = async (record: PredictionRecord) => {
    const latest = await reader.find(record.id, null).catch((err: unknown) => {
      log[levelOf(err)]({ err, predictionId: record.id }, 'prediction could not be read again')
      return record
    })
    if (latest === null) throw predictionGone(record.id)
    return latest
  }

  const follow = async (start: PredictionRecord, wait: Wait, expected: ExpectedOutcome, goal: Goal) => {
    const { waitMs, signal } = wait
    const endsAt = performance.now() + waitMs
    let record = start
    while (!goal.isDone(record) && !signal?.aborted && !waiters.isClosed()) {
      const remainingMs = endsAt - performance.now()
      if (remainingMs <= 0) break
      const lookMs = Math.min(
        remainingMs,
        goal.lookEveryMs(record),
        untilDeadline(record.job.deadline, clock()),
      )
      const outcome = await expected.within(lookMs, signal)
      // read once more when the wait is over: what is answered then is how it is then
      record = outcome ? { ...record, outcome } : await readAgain(record)
    }
    return record
  }

  const watch = async (record: PredictionRecord, wait: Wait, goal: Goal) => {
    if (wait.waitMs <= 0 || goal.isDone(record)) return record
    if (wait.expected) return follow(record, wait, wait.expected, goal)
    const expected = waiters.expect(record.id)
    try {
      return await follow(record, wait, expected, goal)
    } finally {
      expected.release()
    }
  }

  return {
    untilFinal: (record, wait) => watch(record, wait, { isDone: isFinal, lookEveryMs: () => Infinity }),
    untilChange: (record, { isKnown, ...wait }) =>
      watch(record, wait, {
        isDone: (latest) => isFinal(latest) || !isKnown(latest),
        lookEveryMs: ({ takenAt }) => (takenAt === null ? lookAgainMs : Infinity),
      }),
  }
}

type Goal = {
  isDone: (record: PredictionRecord) => boolean
  lookEveryMs: (record: PredictionRecord) => number
}

const predictionGone = (id: string) =>
  new AppError(
    'prediction_not_found',
    'this prediction is gone before it ended: it was deleted, or the queue has lost it; submit it again',
    { extra: { id } },
  )

const isFinal = ({ outcome }: PredictionRecord) => outcome !== null

/** For how long (ms): until the deadline, and after it until whoever has to end the prediction did. */
export const untilDeadline = (deadline: number | null, now: number) => {
  if (deadline === null) return Infinity
  const remainingMs = deadline - now
  return remainingMs > 0 ? remainingMs + deadlineGraceMs : lookAgainMs
}
