import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../bootstrap/setup-error.mjs'
import { openRedis } from '../redis/open-redis.ts'
import type { OpenedRedis, OpenOptions } from '../redis/open-redis.ts'
import { nextRestart } from './next-restart.ts'

export type KeptRedis = Pick<OpenedRedis, 'url' | 'description' | 'close'> & {
  /** Resolves with a sentence when the embedded Redis is gone and can't be brought back. */
  fatal: Promise<string>
}

/** Opens Redis and, when the embedded one dies, starts it again at the same address. */
export const keepRedis = async (options: OpenOptions): Promise<KeptRedis> => {
  let current = await openRedis(options)
  const { url, description } = current
  const closing = new AbortController()
  let reopening = Promise.resolve()

  const reopen = async (delayMs: number) => {
    options.log.info(`gone; starting it again in ${delayMs / 1000} s`)
    await sleep(delayMs, undefined, { signal: closing.signal })
    await current.close()
    current = await openRedis(options)
    options.log.info(current.description)
  }
  const keep = async () => {
    for (let failures = 0; ;) {
      const openedAt = performance.now()
      await current.lost
      const next = nextRestart({ failures, uptimeMs: performance.now() - openedAt })
      failures = next.failures
      reopening = reopen(next.delayMs)
      await reopening
      // the apps know it by its address
      if (current.url !== url)
        return 'Redis came back at another address, for its port was taken: start again.'
    }
  }

  const kept = keep().catch((err: unknown) => `Redis could not be started again: ${messageOf(err)}`)
  return {
    url,
    description,
    // closing interrupts a restart, and that is no failure
    fatal: kept.then((sentence) => (closing.signal.aborted ? new Promise<string>(() => {}) : sentence)),
    close: async () => {
      closing.abort()
      await reopening.catch(() => {})
      await current.close()
    },
  }
}
