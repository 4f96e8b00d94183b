import type { Redis } from 'ioredis'
import type { Readiness } from '@onqueue/shared'

/**
 * Whether this API can take predictions: Redis answers. (It has read the models by the time it listens.) A model that isn't
 * loaded is no reason: it is told to whoever asks for it, and other models may well be served.
 */
export const createReadinessCheck =
  ({ redis }: { redis: Pick<Redis, 'ping'> }) =>
  async (): Promise<Readiness> => {
    const isRedisThere = await redis.ping().then(
      () => true,
      () => false,
    )
    const reasons = isRedisThere
      ? []
      : ['Redis does not answer; check that it runs and that REDIS_URL is right']
    return { ready: reasons.length === 0, reasons }
  }
