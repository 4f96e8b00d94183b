import { setTimeout as sleep } from 'node:timers/promises'
import { Unanswered } from './batch-client.ts'

const firstWaitMs = 500
const maxWaitMs = 15_000

/**
 * Does something until it goes well, with longer and longer waits. What is no `Unanswered`, and what `mayTryAgain` says no to,
 * is thrown; so is the reason of `signal`. `onWait` is told of each wait.
 */
export const untilAnswered = async <Result>(
  attempt: () => Promise<Result>,
  {
    signal,
    mayTryAgain,
    onWait,
  }: {
    signal: AbortSignal
    mayTryAgain: (err: Unanswered, tries: number) => boolean
    onWait: (err: Unanswered, tries: number) => void
  },
): Promise<Result> => {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt()
    } catch (err) {
      signal.throwIfAborted()
      if (!(err instanceof Unanswered) || !mayTryAgain(err, tries)) throw err
      onWait(err, tries)
      const waitMs = Math.min(maxWaitMs, firstWaitMs * 2 ** (tries - 1))
      await sleep(Math.max(waitMs, (err.retryAfterSeconds ?? 0) * 1000), undefined, { signal })
    }
  }
}
