import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { openRedis } from '../../scripts/redis/open-redis.ts'
import { toClose } from '../processes/closing.ts'

/** A Redis as `npm start` runs it, on a new data folder. */
export type EmbeddedRedis = {
  url: string
  /** Open it with `npm start` too, and both use one server. */
  dataDir: string
  pid: number
  version: string
  client: Redis
  /** Ends it unless an OnQueue still uses it, and removes the folder. May be called twice. */
  close: () => Promise<void>
}

export const openEmbeddedRedis = async (): Promise<EmbeddedRedis> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'onqueue-bench-'))
  const opening = openRedis({
    dataDir,
    // without REDIS_URL: never the Redis that somebody works with
    env: { PATH: process.env['PATH'] },
    log: { info: (sentence) => console.error(`Redis: ${sentence}`), debug: () => {} },
  })
  // from now on: who is interrupted while it starts has to end it too
  const close = toClose(async () => {
    const opened = await opening.catch(() => undefined)
    await opened?.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  const opened = await opening
  const client = new Redis(opened.url, { maxRetriesPerRequest: null })
  // it is ended while this is connected
  client.on('error', () => {})
  const info = await client.info('server')

  return {
    url: opened.url,
    dataDir,
    pid: Number(/process_id:(\d+)/.exec(info)?.[1]),
    version: /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown',
    client,
    close: async () => {
      client.disconnect()
      await close()
    },
  }
}
