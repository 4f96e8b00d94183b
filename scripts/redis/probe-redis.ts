import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { messageOf } from '../bootstrap/setup-error.mjs'

export type RedisInfo = {
  /** `7.0.15`; what Valkey says it is compatible with */
  version: string
  /** it is still reading its data from disk and refuses other commands */
  isLoading: boolean
  pid: number
  /** the absolute path of its redis.conf, as it sees it */
  configFile: string
}

/** Connects, asks and hangs up; throws when there is no answer in time, and on a wrong password. */
export const probeRedis = async (url: string, { timeoutMs = 3000 } = {}): Promise<RedisInfo> =>
  withConnection(url, timeoutMs, async (redis) => {
    const info = await redis.info()
    const read = (field: string) => new RegExp(`^${field}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? ''
    return {
      version: read('redis_version'),
      isLoading: read('loading') === '1',
      pid: Number(read('process_id')),
      configFile: read('config_file'),
    }
  })

/** Resolves as soon as Redis serves commands; a Redis that reads its data may take as long as that takes. */
export const waitUntilServing = async (
  url: string,
  {
    isAlive,
    connectWithinMs = 10_000,
  }: { isAlive: () => boolean | Promise<boolean>; connectWithinMs?: number },
): Promise<RedisInfo> => {
  let deadline = performance.now() + connectWithinMs
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 250)) {
    try {
      const info = await probeRedis(url)
      if (!info.isLoading) return info
      deadline = performance.now() + connectWithinMs
    } catch (err) {
      if (!(await isAlive())) throw new Error('it ended by itself', { cause: err })
      if (performance.now() > deadline) {
        throw new Error(`no answer for ${connectWithinMs / 1000} s (${messageOf(err)})`, { cause: err })
      }
    }
    await sleep(pauseMs)
  }
}

/** Asks Redis to flush its append-only file and end. */
export const askToShutDown = async (url: string) => {
  await withConnection(url, 3000, (redis) => redis.shutdown()).catch(() => {
    // the connection closes instead of an answer; one that refused or is gone shows when its process is waited for
  })
}

const withConnection = async <T>(
  url: string,
  timeoutMs: number,
  ask: (redis: Redis) => Promise<T>,
): Promise<T> => {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    enableReadyCheck: false,
    // the least that any Redis understands, so that one that is too old can say so
    protocol: 2,
    disableClientInfo: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  // connect() rejects with "Connection is closed."; why it was closed comes as an event
  let reason: Error | undefined
  redis.on('error', (err) => {
    reason = err
  })
  try {
    await redis.connect()
    return await ask(redis)
  } catch (err) {
    throw reason ?? err
  } finally {
    // on a connection that has ended, disconnect() would leave a timer that holds the process for two seconds
    if (redis.status !== 'end') redis.disconnect()
  }
}
