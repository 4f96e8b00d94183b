import { z } from 'zod'
import { JsonText } from '../contract/json-text.ts'
import { packJobSchema, packMemberSchema, toMemberJob } from '../contract/pack.ts'
import type { PackJobData } from '../contract/pack.ts'
import { memberIdsOf } from '../contract/prediction-id.ts'
import type { PredictionJobData } from '../contract/prediction-job.ts'
import { modelKeys } from '../redis/names.ts'
import { redisScript } from '../redis/redis-script.ts'
import type { RedisStore } from '../redis/redis-store.ts'
import { scriptsOn } from './scripts-on.ts'

/** A prediction of a pack, with its input as it came. */
export type PackMember = { id: string; job: PredictionJobData }

/** The predictions of a pack that have no outcome; none where the pack is gone, or never was. */
export const readPack = async (
  { redis, namespace }: RedisStore,
  packId: string,
  /** of its job */
  data: unknown,
): Promise<PackMember[]> => {
  const shared = packJobSchema.parse(data)
  const ids = memberIdsOf(packId, shared.pack)
  const pack = modelKeys(namespace, shared.model).pack(packId)
  const replies = await scriptOn(redis).run({ keys: { pack }, args: {}, moreArgs: ids })
  return replies.flatMap((reply, index) => {
    const id = ids[index]
    return reply === null || id === undefined ? [] : [toMember(shared, { packId, id, reply })]
  })
}

const toMember = (
  shared: PackJobData,
  { packId, id, reply: [text, input] }: { packId: string; id: string; reply: [string, string] },
): PackMember => {
  const member = packMemberSchema.parse(JSON.parse(text))
  const job = toMemberJob(shared, member, { packId, inputBytes: Buffer.byteLength(input) })
  return { id, job: { ...job, input: new JsonText(input) } }
}

const readUnended = redisScript({
  name: 'readUnended',
  keys: ['pack'],
  args: [],
  reply: z.array(z.tuple([z.string(), z.string()]).nullable()),
  lua: `
local members = {}
if (redis.call('HGET', pack, 'left') or '0') == '0' then return members end
local fields = {}
for _, id in ipairs(ARGV) do
  for _, part in ipairs({ 'j', 'i', 'o' }) do table.insert(fields, part .. string.sub(id, -2)) end
end
local values = redis.call('HMGET', pack, unpack(fields))
for i = 1, #ARGV do
  local member, input, outcome = values[3 * i - 2], values[3 * i - 1], values[3 * i]
  members[i] = member and not outcome and { member, input or 'null' } or false
end
return members`,
})

const scriptOn = scriptsOn(readUnended)
