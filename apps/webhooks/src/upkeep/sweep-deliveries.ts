import { deliveryKeys, isMemoryShort, readRedisMemory } from '@onqueue/shared'
import type { Logger } from '@onqueue/shared'
import type { Redis } from 'ioredis'

/**
 * Removes deliveries that ended long ago: delivered ones after the retention of predictions, which is shorter when
 * memory is short; failed ones, which can be redelivered, after a longer time.
 */
export type DeliverySweeper = { sweep(): Promise<void>; close(): Promise<void> }

const intervalMs = 10_000
const atOnce = 200

/** KEYS[1] the set of ended ones; ARGV: prefix, before. */
const removeEnded = `#!lua flags=allow-oom
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2], 'LIMIT', 0, ${atOnce})
for _, id in ipairs(ids) do
  local delivery, body = ARGV[1] .. 'delivery:' .. id, ARGV[1] .. 'body:' .. id
  local about = redis.call('HGET', delivery, 'about')
  local owner = about and cjson.decode(about).owner
  if owner then
    redis.call('ZREM', ARGV[1] .. 'index:' .. owner, id)
    redis.call('DECRBY', ARGV[1] .. 'bytes:' .. owner, redis.call('STRLEN', body))
  end
  redis.call('DEL', delivery, body)
  redis.call('ZREM', KEYS[1], id)
end
return #ids`

export const createDeliverySweeper = ({
  redis,
  namespace,
  retentionMs,
  minRetentionMs,
  failedRetentionMs,
  watermark,
  log,
  clock = Date.now,
}: {
  redis: Redis
  namespace: string
  /** of delivered ones */
  retentionMs: number
  /** of delivered ones, when memory is short */
  minRetentionMs: number
  failedRetentionMs: number
  /** share of maxmemory from which memory is short */
  watermark: number
  log: Logger
  clock?: () => number
}): DeliverySweeper => {
  const keys = deliveryKeys(namespace)
  let isClosed = false

  const remove = async (ended: string, before: number) => {
    while (!isClosed && Number(await redis.eval(removeEnded, 1, ended, keys.prefix, before)) === atOnce);
  }
  const sweep = async () => {
    const isShort = isMemoryShort(await readRedisMemory(redis), watermark)
    const keptMs = isShort ? Math.min(minRetentionMs, retentionMs) : retentionMs
    await remove(keys.delivered, clock() - keptMs)
    await remove(keys.failed, clock() - failedRetentionMs)
  }

  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= sweep()
      .catch((err: unknown) => log.warn({ err }, 'deliveries could not be swept'))
      .finally(() => (running = undefined))
  }, intervalMs)

  return {
    sweep,
    close: async () => {
      isClosed = true
      clearInterval(timer)
      await running
    },
  }
}
