import type { Redis } from 'ioredis'
import { infoField } from './redis-info.ts'

/** Memory in use and its limit, in bytes; `limitBytes` is 0 where there is none. */
export const readRedisMemory = async (redis: Redis) => {
  const info = await redis.info('memory')
  return {
    usedBytes: Number(infoField(info, 'used_memory') ?? 0),
    limitBytes: Number(infoField(info, 'maxmemory') ?? 0),
  }
}

/** Whether so much is in use that what is finished has to go early; never where there is no limit. `watermark`: 0 to 1. */
export const isMemoryShort = (
  { usedBytes, limitBytes }: Awaited<ReturnType<typeof readRedisMemory>>,
  watermark: number,
) => limitBytes > 0 && usedBytes > watermark * limitBytes

/** How long what is finished is kept, in ms: shorter when memory is short, never longer than `retentionMs`. */
export const keptMs = ({
  retentionMs,
  minRetentionMs,
  memoryIsShort,
}: {
  retentionMs: number
  minRetentionMs: number
  memoryIsShort: boolean
}) => (memoryIsShort ? Math.min(minRetentionMs, retentionMs) : retentionMs)
