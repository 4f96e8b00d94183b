import type { RedisStore } from './redis-store.ts'

/**
 * Walks over the keys of an installation, some at a step, and begins again when it has seen all of them. For looking for what
 * was lost: what belongs together is in Redis under several keys, and any of them may be gone.
 */
export type KeyWalk = {
  /** The next keys, which may be none. `isRoundOver` when all have been seen. A key may come twice. */
  next(): Promise<{ keys: string[]; isRoundOver: boolean }>
}

/** A millisecond of Redis' time at the most. */
const keysAtOnce = 1000

/** `part` is what all of the keys have behind the namespace. */
export const createKeyWalk = ({ redis, namespace }: RedisStore, part: string): KeyWalk => {
  const pattern = `${escapeGlob(`${namespace}${part}`)}*`
  let cursor = '0'
  return {
    next: async () => {
      const [after, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', keysAtOnce)
      cursor = after
      return { keys, isRoundOver: after === '0' }
    },
  }
}

const escapeGlob = (text: string) => text.replaceAll(/[\\*?[\]^-]/g, String.raw`\$&`)
