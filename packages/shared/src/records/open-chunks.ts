import { z } from 'zod'
import { redisScript } from '../redis/redis-script.ts'

/** A chunk of a batch, by its number. */
export type ChunkPlace = { batchId: string; chunk: number }

/**
 * What a worker can score: `digests` of versions, from files in `storage`, of which undefined says nothing; and how many chunks of an
 * owner are in the queue at once.
 */
export type Scorer = { window: number; storage: string | undefined; digests: readonly string[] }

const toPlaces = (pairs: string[]): ChunkPlace[] => {
  const places: ChunkPlace[] = []
  for (let index = 0; index + 1 < pairs.length; index += 2)
    places.push({ batchId: pairs[index] ?? '', chunk: Number(pairs[index + 1]) })
  return places
}

/**
 * The next chunks of an owner's batches that are not done, oldest batch first, up to `window` of them: those that are to be in the
 * queue. Only those of the versions whose digests are given, with files in `storage`, where that is not empty: what nobody can
 * score takes no place from what somebody can; a batch that says neither is of the release before. It keeps no list of its own of
 * what is: jobs have their chunk's id, and adding one that is there changes nothing. So it may run at any time, and twice.
 *
 * Its keys follow from the batches that it finds, so it gets their beginning. Replies pairs of a batch and a number.
 */
export const openChunks = redisScript({
  name: 'openChunks',
  keys: ['active'],
  args: ['owner', 'window', 'storage', 'batchStart'],
  reply: z.array(z.string()).transform(toPlaces),
  lua: `
local open, wanted, digests = {}, tonumber(window), {}
for position = argCount + 1, #ARGV do digests[ARGV[position]] = true end
for _, id in ipairs(redis.call('ZRANGE', active, 0, -1)) do
  local batch = batchStart .. id
  local record = redis.call('HMGET', batch, 'owner', 'chunks', 'firstOpen', 'end', 'digest', 'storage')
  local isHere = not record[5] or (digests[record[5]] and (storage == '' or record[6] == storage))
  if record[1] == owner and not record[4] and isHere then
    local number, chunks = tonumber(record[3] or 0), tonumber(record[2] or 0)
    local first = nil
    while number < chunks and wanted > 0 do
      if redis.call('HEXISTS', batch .. ':done', number) == 0 then
        first = first or number
        wanted = wanted - 1
        table.insert(open, id)
        table.insert(open, tostring(number))
      end
      number = number + 1
    end
    redis.call('HSET', batch, 'firstOpen', first or number)
    if wanted == 0 then break end
  end
end
return open`,
})
