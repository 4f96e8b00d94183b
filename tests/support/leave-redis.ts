import type { Redis } from 'ioredis'

/** Removes what a test left under its own namespace, and disconnects. */
export const leaveRedis = async (redis: Redis, namespace: string) => {
  const left = await redis.keys(`${namespace}:*`)
  if (left.length > 0) await redis.del(left)
  redis.disconnect()
}
