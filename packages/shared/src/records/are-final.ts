import { z } from 'zod'
import { packIdOf } from '../contract/prediction-id.ts'
import { modelKeys } from '../redis/names.ts'
import { redisScript } from '../redis/redis-script.ts'
import type { RedisStore } from '../redis/redis-store.ts'
import { runPipeline } from '../redis/run-pipeline.ts'
import { memberField, packLua } from './pack-lua.ts'
import { scriptsOn } from './scripts-on.ts'

/**
 * Whether predictions of one model have an outcome, in order: for whoever need not know which. Of a pack, by its id, whether all
 * that it has do.
 */
export const areFinal = async (
  { redis, namespace }: RedisStore,
  model: string,
  ids: string[],
): Promise<boolean[]> => {
  if (ids.length === 0) return []
  const { outcome, pack } = modelKeys(namespace, model)
  const moreKeys = ids.map((id) => outcome(id))
  const final = await scriptOn(redis).run({ keys: {}, args: { packOf: pack('') }, moreKeys, moreArgs: ids })
  return final.map((isFinal) => isFinal === 1)
}

const lookFinal = redisScript({
  name: 'areFinal',
  keys: [],
  args: ['packOf'],
  reply: z.array(z.int()),
  lua: `
${packLua}
local final = {}
for i, key in ipairs(KEYS) do final[i] = isFinal(ARGV[argCount + i], key) and 1 or 0 end
return final`,
})

const scriptOn = scriptsOn(lookFinal)

/** Whether predictions of one model have a record, in order: a job with data, or one of a pack and their place in that. */
export const areKept = async (
  { redis, namespace }: RedisStore,
  model: string,
  ids: string[],
): Promise<boolean[]> => {
  const { queue, pack } = modelKeys(namespace, model)
  const pipeline = redis.pipeline()
  for (const id of ids) {
    const packId = packIdOf(id)
    pipeline.hexists(queue(id), 'data').hexists(queue(packId), 'data').hexists(pack(packId), memberField(id))
  }
  const replies = await runPipeline(pipeline)
  return ids.map((_, index) => {
    const [job, packJob, member] = replies.slice(3 * index, 3 * index + 3)
    return job === 1 || (packJob === 1 && member === 1)
  })
}
