import { randomBytes } from 'node:crypto'
import { join, resolve } from 'node:path'
import { makeFolder } from '../bootstrap/make-folder.mjs'
import { countPresent, enter, identifyProcess, withFolderLock } from '../bootstrap/presence.mjs'
import { messageOf, SetupError } from '../bootstrap/setup-error.mjs'
import { pickPort } from './ports.ts'
import { readLockFile, removeLockFile, writeLockFile } from './lock-file.ts'
import type { LockFile } from './lock-file.ts'
import { probeRedis, waitUntilServing } from './probe-redis.ts'
import type { RedisLog } from './redis-log.ts'
import { isServerAlive, stopServer } from './redis-server.ts'
import type { RedisServer } from './redis-server.ts'
import { quarterOfMemory, toRedisUrl } from './redis-settings.ts'
import type { RedisSettings } from './redis-settings.ts'
import { isTooOld } from './redis-version.ts'
import { configFileInContainer, nameContainer } from './sources/start-in-docker.ts'
import { startServer } from './sources/start-server.ts'
import type { StartOptions } from './sources/start-server.ts'
import { watchServer } from './watch-server.ts'

export type OpenedRedis = {
  url: string
  /** for people: version, address and where it is from; no password */
  description: string
  /** Resolves when the embedded server is gone though nobody closed it here; opening again brings it back. */
  lost: Promise<void>
  /** Ends an embedded server unless somebody else has it open. May be called twice. */
  close: () => Promise<void>
}

export type OpenOptions = StartOptions & {
  /** the server's folder is `redis` in it */
  dataDir: string
  /** `maxmemory`; defaults to a quarter of the RAM this process may use */
  maxmemoryBytes?: number
}

/** Opens the Redis of `REDIS_URL`, else the embedded one of the data folder. Throws a `SetupError` that says what to do. */
export const openRedis = async ({ env = process.env, ...options }: OpenOptions): Promise<OpenedRedis> =>
  env.REDIS_URL ? useGiven(env.REDIS_URL) : openEmbedded({ ...options, env })

const useGiven = async (url: string): Promise<OpenedRedis> => {
  if (!/^rediss?:\/\/./.test(url)) {
    throw new SetupError(
      'REDIS_URL must look like redis://127.0.0.1:6379 or rediss://user:password@host:6379.',
    )
  }
  const address = toAddress(url)
  const { version } = await probeRedis(url).catch((err) => {
    const advice = 'start it or correct REDIS_URL; without REDIS_URL, npm start runs a Redis of its own.'
    throw new SetupError(`No Redis answers at ${address} (${messageOf(err)}): ${advice}`, { cause: err })
  })
  if (isTooOld(version)) {
    throw new SetupError(
      `The Redis at ${address} is ${version}, and OnQueue needs 7.0 or newer: upgrade it, or unset REDIS_URL.`,
    )
  }
  return {
    url,
    description: `${version} at ${address} (REDIS_URL)`,
    lost: new Promise(() => {}),
    close: async () => {},
  }
}

/**
 * Who may start, adopt and stop the Redis of a data folder. Two servers on one append-only file lose acknowledged
 * writes, so the folder says who is there:
 *
 *   lock.json   the server: address, and pid + start time (or container). Written before the start with the address
 *               alone, so that a server whose starter was killed in mid-start is found too.
 *   users/      one entry for every live process that has it open, see presence.mjs
 *   changing/   the lock under which both are read and changed
 *
 *   open:  lock → is the server of lock.json alive? adopt it : start one → enter users → unlock
 *   close: lock → leave users → nobody else there? shut the server down, remove lock.json → unlock
 *
 * A starter that is killed leaves its server running; the next one finds and adopts it, and nothing is lost.
 */
const openEmbedded = async (options: OpenOptions): Promise<OpenedRedis> => {
  const folder = resolve(options.dataDir, 'redis')
  makeFolder(folder, { mode: 0o700 })

  return withFolderLock(
    join(folder, 'changing'),
    async () => {
      const former = readLockFile(folder)
      const adopted = former === undefined ? undefined : await adopt(former, folder)
      const server = adopted ?? (await startAnew(folder, { ...options, formerUrl: former?.url }))
      writeLockFile(folder, { url: server.url, server })
      return toOpened(server, folder, { isAdopted: adopted !== undefined, log: options.log })
    },
    { onWait: () => options.log.info('another start is opening it; waiting') },
  )
}

const adopt = async ({ url, server }: LockFile, folder: string): Promise<RedisServer | undefined> => {
  const found = server ?? (await findUnrecorded(url, folder))
  if (found === undefined || !(await isServerAlive(found))) return undefined
  try {
    const { version } = await waitUntilServing(url, { isAlive: () => isServerAlive(found) })
    return { ...found, version }
  } catch (err) {
    if (!(await isServerAlive(found))) return undefined
    throw new SetupError(
      `The Redis of ${folder} still runs at ${toAddress(url)} but does not answer (${messageOf(err)}): end it, then start again.`,
      { cause: err },
    )
  }
}

/** The server whose starter was killed before it could write down more than the address. */
const findUnrecorded = async (url: string, folder: string): Promise<RedisServer | undefined> => {
  const info = await probeRedis(url).catch(() => undefined)
  const origin = 'of a start that was cut short'
  if (info?.configFile === configFileInContainer) {
    return { url, version: info.version, origin, runsAs: { kind: 'container', name: nameContainer(folder) } }
  }
  const process = info?.configFile === join(folder, 'redis.conf') ? identifyProcess(info.pid) : undefined
  if (info === undefined || process === undefined) return undefined
  return { url, version: info.version, origin, runsAs: { kind: 'process', process } }
}

const startAnew = async (
  folder: string,
  {
    formerUrl,
    maxmemoryBytes = quarterOfMemory(),
    ...options
  }: OpenOptions & { formerUrl: string | undefined },
): Promise<RedisServer> => {
  // at its former address, if that is still free, whoever has the URL finds it again
  const former = formerUrl === undefined ? undefined : new URL(formerUrl)
  const settings: RedisSettings = {
    folder,
    port: await pickPort(former?.port ? Number(former.port) : undefined),
    password: former?.password || randomBytes(18).toString('base64url'),
    maxmemoryBytes,
    appendonly: true,
    outlivesUs: true,
  }
  writeLockFile(folder, { url: toRedisUrl(settings) })
  return startServer(settings, options)
}

const toOpened = (
  server: RedisServer,
  folder: string,
  { isAdopted, log }: { isAdopted: boolean; log: RedisLog },
): OpenedRedis => {
  const leave = enter(join(folder, 'users'))
  const watch = watchServer(server)

  const closeOnce = () =>
    withFolderLock(join(folder, 'changing'), async () => {
      watch.stop()
      leave()
      if (countPresent(join(folder, 'users')) > 0) return log.debug('left running: somebody else has it open')
      // another user of the folder may have replaced it since; one that died keeps its entry, and so its address
      const current = readLockFile(folder)?.server
      if (current === undefined || !(await isServerAlive(current))) return
      if (!(await stopServer(current))) return log.info('does not end; the next start adopts it')
      removeLockFile(folder)
    })

  let closed: Promise<void> | undefined
  return {
    url: server.url,
    description: `${server.version} at ${toAddress(server.url)}, ${server.origin}${isAdopted ? ', adopted' : ''}; data in ${folder}`,
    lost: watch.lost,
    close: () => (closed ??= closeOnce()),
  }
}

const toAddress = (url: string) => {
  const { hostname, port } = new URL(url)
  return `${hostname}:${port || 6379}`
}
