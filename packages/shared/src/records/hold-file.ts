import { z } from 'zod'
import { redisScript } from '../redis/redis-script.ts'

/** Notes that `user` uses a file, so that it stays. Replies 0 where it is gone. */
export const holdFile = redisScript({
  name: 'holdFile',
  keys: ['file', 'uses'],
  args: ['user'],
  reply: z.union([z.literal(0), z.literal(1)]),
  lua: `
if redis.call('EXISTS', file) == 0 then return 0 end
redis.call('SADD', uses, user)
return 1`,
})
