import { setTimeout as sleep } from 'node:timers/promises'
import { listRedis } from '../../tests/upgrade/redis-listing.ts'
import type { StormStack } from './storm-stack.ts'

/** How often all of Redis was looked through, and the keys that had what may not be there. */
export type Watch = { looks: number; keys: string[] }

const restMs = 300

/** Looks for a word in all keys and values of Redis, again and again, until it is told to stop. */
export const watchFor = async (
  { client, prefix }: Pick<StormStack, 'client' | 'prefix'>,
  { word, until }: { word: string; until: AbortSignal },
): Promise<Watch> => {
  const keys = new Set<string>()
  let looks = 0
  while (!until.aborted) {
    const listing = await listRedis(client, prefix)
    for (const [key, entry] of Object.entries(listing)) {
      if (key.includes(word) || JSON.stringify(entry).includes(word)) keys.add(key)
    }
    looks += 1
    await sleep(restMs, undefined, { signal: until }).catch(() => undefined)
  }
  return { looks, keys: [...keys] }
}
