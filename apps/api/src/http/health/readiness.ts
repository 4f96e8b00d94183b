import type { Readiness, RedisClock, RedisCondition } from '@onqueue/shared'

type Options = {
  condition: Pick<RedisCondition, 'check'>
  clock: Pick<RedisClock, 'warnings'>
  /** what is known of the models, once what stands on Redis was opened; `whyClosed` is empty when one takes predictions */
  models: () => { isEmpty(): boolean; whyClosed(): string[] } | undefined
  /** what else an operator should know, and makes none unready */
  warnings?: () => string[]
  /** whether the process was told to end */
  isClosing?: () => boolean
}

/**
 * Whether this API can accept and read predictions: Redis takes writes, and a model was seen to take predictions. Which of
 * them do is told to whoever asks for one. When later none does, because all their workers are gone, say, what was
 * predicted can still be read, and no other API could accept more: so that makes none unready, unless there is no model at
 * all any more. A clock that is off is told, and makes none unready: nothing goes by it.
 */
export const createReadinessCheck = ({
  condition,
  clock,
  models,
  warnings = () => [],
  isClosing = () => false,
}: Options) => {
  let wasOpen = false

  const whyModels = () => {
    const known = models()
    if (!known) return ['it is still starting']
    if (known.isEmpty()) return ['no worker has published a model yet: start a worker that has one']
    const closed = known.whyClosed()
    wasOpen ||= closed.length === 0
    return wasOpen ? [] : closed
  }

  return async (): Promise<Readiness> => {
    if (isClosing()) return { ready: false, reasons: ['this process stops'] }
    const ofRedis = await condition.check()
    // what is known of the models may be old then
    const reasons = ofRedis.length > 0 ? ofRedis : whyModels()
    return { ready: reasons.length === 0, reasons: [...reasons, ...clock.warnings(), ...warnings()] }
  }
}
