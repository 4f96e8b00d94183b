import { heartbeatTtlMs } from '@onqueue/shared'
import type { ModelEntry } from '@onqueue/shared'

/**
 * Goes on with what was known of a model for as long as its workers may take to bring back what Redis has lost of it: a model
 * and its cards are never removed, so one that was there and is gone was lost.
 */
export const createLossGrace = (clock = () => performance.now()) => {
  const lostAt = new Map<string, number>()

  /** What to go by, of what was `known` of the model and what was `found` now. */
  return (name: string, known: ModelEntry | undefined, found: ModelEntry | undefined) => {
    const isLost = (known?.versions.length ?? 0) > 0 && (found?.versions.length ?? 0) === 0
    if (!isLost) {
      lostAt.delete(name)
      return found
    }
    const since = lostAt.get(name) ?? clock()
    lostAt.set(name, since)
    if (clock() - since < heartbeatTtlMs) return known
    lostAt.delete(name)
    return found
  }
}
