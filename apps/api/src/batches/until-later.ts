import { once } from 'node:events'
import type { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Resolves when a batch of a model is worth looking at again: after a second, or when one of the model was made or ended; at once
 * where nobody waits any more, or this process stops. Never rejects.
 */
export type UntilLater = (model: string, signal: AbortSignal) => Promise<void>

const intervalMs = 1000

export const createUntilLater =
  ({
    notices,
    closing,
  }: {
    /** emits a model when one of its batches was made, or ended */
    notices: EventEmitter
    /** this process stops */
    closing: AbortSignal
  }): UntilLater =>
  async (model, signal) => {
    const over = new AbortController()
    const until = AbortSignal.any([signal, closing, over.signal])
    await Promise.race([
      sleep(intervalMs, undefined, { signal: until }),
      once(notices, model, { signal: until }),
    ]).catch(() => undefined)
    over.abort()
  }
