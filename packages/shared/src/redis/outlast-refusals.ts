import { setTimeout as sleep } from 'node:timers/promises'
import { refusalOf } from './redis-refusals.ts'

const pauseMs = 250

/**
 * Does something in Redis again and again while Redis refuses it, for what is owed and nobody waits for. Rejects with the
 * refusal once `signal` has aborted, and with any other error at once.
 */
export const outlastRefusals = async <Result>(
  task: () => Promise<Result>,
  signal: AbortSignal,
): Promise<Result> => {
  for (;;) {
    try {
      return await task()
    } catch (err) {
      if (!refusalOf(err) || signal.aborted) throw err
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
  }
}
