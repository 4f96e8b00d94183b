import { z } from 'zod'
import { modelKeys } from '../redis/names.ts'
import { redisScript } from '../redis/redis-script.ts'
import type { RedisStore } from '../redis/redis-store.ts'
import { lineLua } from './line-lua.ts'
import { packLua } from './pack-lua.ts'
import { scriptsOn } from './scripts-on.ts'

/**
 * How many predictions of a model wait for a worker: those of a pack that have no outcome count each. Where many packs wait it is a
 * good guess.
 */
export const countWaiting = ({ redis, namespace }: RedisStore, model: string): Promise<number> => {
  const { queue, pack } = modelKeys(namespace, model)
  return scriptOn(redis).run({
    keys: { waiting: queue('wait'), prioritized: queue('prioritized'), delayed: queue('delayed') },
    args: { packOf: pack('') },
  })
}

const countThem = redisScript({
  name: 'countWaiting',
  keys: ['waiting', 'prioritized', 'delayed'],
  args: ['packOf'],
  reply: z.int(),
  lua: `
${packLua}
${lineLua}
return redis.call('LLEN', waiting) + redis.call('ZCARD', delayed) + countInLine(redis.call('ZCARD', prioritized))`,
})

const scriptOn = scriptsOn(countThem)
