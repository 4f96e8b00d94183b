import type { Readiness, RedisCondition } from '@onqueue/shared'

/**
 * Whether this API can take predictions: Redis takes writes. (It has read the models by the time it listens.) A model that
 * isn't loaded is no reason: it is told to whoever asks for it, and other models may well be served.
 */
export const createReadinessCheck =
  ({ condition }: { condition: Pick<RedisCondition, 'check'> }) =>
  async (): Promise<Readiness> => {
    const reasons = await condition.check()
    return { ready: reasons.length === 0, reasons }
  }
