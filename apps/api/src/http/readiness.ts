import type { Redis } from 'ioredis'
import type { Readiness } from '@onqueue/shared'

/**
 * Whether this API can take predictions: Redis answers, and the models have been read once. A model that isn't loaded is
 * no reason: it is told to whoever asks for it, and other models may well be served.
 */
export const createReadinessCheck =
  ({ redis, isCatalogLoaded }: { redis: Pick<Redis, 'ping'>; isCatalogLoaded: () => boolean }) =>
  async (): Promise<Readiness> => {
    const isRedisThere = await redis.ping().then(
      () => true,
      () => false,
    )
    const reasons = [
      ...(isRedisThere ? [] : ['Redis does not answer; check that it runs and that REDIS_URL is right']),
      ...(isCatalogLoaded() ? [] : ['the models have not been read from Redis yet']),
    ]
    return { ready: reasons.length === 0, reasons }
  }
