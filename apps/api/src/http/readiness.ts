import type { Readiness, RedisCondition } from '@onqueue/shared'

/**
 * Whether this API can take predictions: Redis takes writes. (It has read the models by the time it is open.) A model that
 * isn't loaded is no reason: it is told to whoever asks for it, and other models may well be served.
 */
export const createReadinessCheck =
  ({
    condition,
    isOpen = () => true,
    isClosing = () => false,
  }: {
    condition: Pick<RedisCondition, 'check'>
    /** whether what stands on Redis was opened */
    isOpen?: () => boolean
    /** whether the process was told to end */
    isClosing?: () => boolean
  }) =>
  async (): Promise<Readiness> => {
    if (isClosing()) return { ready: false, reasons: ['this process stops'] }
    const reasons = await condition.check()
    if (reasons.length === 0 && !isOpen()) reasons.push('it is still starting')
    return { ready: reasons.length === 0, reasons }
  }
