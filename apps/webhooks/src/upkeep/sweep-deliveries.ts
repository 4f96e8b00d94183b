import { deliveryKeys, isMemoryShort, keptMs, levelOf, readRedisMemory, Rounds } from '@onqueue/shared'
import type { DatedStore, Logger } from '@onqueue/shared'
import { removeEndedDeliveries } from './remove-ended-deliveries.ts'

/**
 * Removes deliveries that ended long ago: delivered ones after the retention of predictions, which is shorter when
 * memory is short; failed ones, which can be redelivered, after a longer time.
 */
export type DeliverySweeper = { sweep(): Promise<void>; close(): Promise<void> }

const intervalMs = 10_000
const maxAtOnce = 200

export const createDeliverySweeper = ({
  redis,
  namespace,
  clock,
  retentionMs,
  minRetentionMs,
  failedRetentionMs,
  watermark,
  log,
}: DatedStore & {
  /** of delivered ones */
  retentionMs: number
  /** of delivered ones, when memory is short */
  minRetentionMs: number
  failedRetentionMs: number
  /** share of maxmemory from which memory is short */
  watermark: number
  log: Logger
}): DeliverySweeper => {
  const keys = deliveryKeys(namespace)
  const removeEnded = removeEndedDeliveries.on(redis)
  const rounds = new Rounds({
    run: () => sweep(),
    intervalMs,
    onError: (err) => log[levelOf(err)]({ err }, 'deliveries could not be swept'),
  })

  const remove = async (ended: string, before: number) => {
    const removeSome = () =>
      removeEnded.run({
        keys: { ended },
        args: {
          before,
          maxAtOnce,
          deliveryStart: keys.delivery(''),
          bodyStart: keys.body(''),
          indexStart: keys.index(''),
          bytesStart: keys.bytes(''),
        },
      })
    while (!rounds.isClosed && (await removeSome()) === maxAtOnce);
  }
  const sweep = async () => {
    const memoryIsShort = isMemoryShort(await readRedisMemory(redis), watermark)
    await remove(keys.delivered, clock() - keptMs({ retentionMs, minRetentionMs, memoryIsShort }))
    await remove(keys.failed, clock() - failedRetentionMs)
  }

  return {
    sweep,
    close: () => rounds.close(),
  }
}
