import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isProcessAlive } from '../bootstrap/presence.mjs'
import { pickPort } from './ports.ts'
import { isServerAlive } from './redis-server.ts'
import type { RedisServer } from './redis-server.ts'
import { toRedisUrl } from './redis-settings.ts'
import type { RedisSettings } from './redis-settings.ts'
import { startServer } from './sources/start-server.ts'

export type TestRedis = {
  url: string
  /** `SIGSTOP` hangs it, `SIGCONT` wakes it up, `SIGKILL` crashes it. */
  signal: (signal: NodeJS.Signals) => void
  /** Crashes it and starts it again at the same address, with what it had on disk (nothing without `appendonly`). */
  restart: () => Promise<void>
  /** Ends it and removes its folder. May be called twice. */
  close: () => Promise<void>
}

/** A Redis of its own for a test, in a temporary folder: always an own one, whatever REDIS_URL says. */
export const startTestRedis = async ({
  maxmemoryBytes = 256 * 1024 * 1024,
  appendonly = false,
} = {}): Promise<TestRedis> => {
  const settings: RedisSettings = {
    folder: mkdtempSync(join(tmpdir(), 'onqueue-redis-')),
    port: await pickPort(),
    password: randomBytes(18).toString('base64url'),
    maxmemoryBytes,
    appendonly,
    outlivesUs: false,
  }
  let server = await start(settings)

  // a test process that ends without closing must not leave it behind
  const killAtExit = () => signalServer(server, 'SIGKILL')
  process.once('exit', killAtExit)

  const end = async () => {
    signalServer(server, 'SIGKILL')
    while (await isServerAlive(server)) await sleep(5)
  }
  return {
    url: toRedisUrl(settings),
    signal: (signal) => signalServer(server, signal),
    restart: async () => {
      await end()
      server = await start(settings)
    },
    close: async () => {
      process.off('exit', killAtExit)
      await end()
      rmSync(settings.folder, { recursive: true, force: true })
    },
  }
}

const start = (settings: RedisSettings): Promise<RedisServer> =>
  startServer(settings, { log: { info: () => {}, debug: () => {} }, sources: ['path', 'packages'] })

const signalServer = ({ runsAs }: RedisServer, signal: NodeJS.Signals) => {
  // a pid is ours only while it is the same process
  if (runsAs.kind === 'process' && isProcessAlive(runsAs.process)) {
    process.kill(Number.parseInt(runsAs.process, 10), signal)
  }
}
