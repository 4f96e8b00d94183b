import { urlHost } from '../../packages/shared/src/process/url-host.ts'
import { SetupError } from '../bootstrap/setup-error.mjs'
import type { RedisSource } from '../redis/sources/start-server.ts'
import { announceReady } from './announce-ready.ts'
import { environmentOf } from './apps.ts'
import type { App } from './apps.ts'
import { checkPorts } from './check-ports.ts'
import { explainDataFolder } from './data-folder.ts'
import { readOrCreateSecret } from './data-secret.ts'
import { keepRedis } from './keep-redis.ts'
import { readStartSettings, toChildEnvironment } from './start-settings.ts'
import type { StartSettings } from './start-settings.ts'
import { startSupervisor } from './supervise.ts'
import type { Say } from './supervised-child.ts'
import { findUnknownSettings } from './unknown-settings.ts'

export type RunOptions = {
  env: NodeJS.ProcessEnv
  /** in the order in which they are stopped */
  apps: readonly Omit<App, 'folder' | 'healthPort'>[]
  /** begins the orderly end */
  stop: AbortSignal
  /** ends the children at once */
  kill: AbortSignal
  say: Say
  /** text that is not a step, such as a command to paste */
  print: (text: string) => void
  /** where to look for a Redis without REDIS_URL; defaults to everywhere */
  redisSources?: readonly RedisSource[]
  /** why it ends without being told to */
  complain: (sentence: string) => void
}

/** Runs Redis and the apps until it is told to stop, or one of them can't run; answers the exit code. */
export const runOnQueue = async (options: RunOptions) => {
  try {
    const settings = readStartSettings(options.env)
    for (const sentence of findUnknownSettings(options.env)) options.say('OnQueue', sentence)
    await checkPorts(settings)
    const failure = await runWithRedis(settings, options)
    if (failure === undefined) return 0
    options.complain(failure)
    return 1
  } catch (err) {
    // a Ctrl-C reaches the tools that bring Redis too, and what they break off is no failure
    if (options.stop.aborted) return 0
    // whatever else went wrong is a mistake of ours, and its stack is wanted
    if (!(err instanceof SetupError)) throw err
    options.complain(err.message)
    return 1
  }
}

const runWithRedis = async (settings: StartSettings, options: RunOptions): Promise<string | undefined> => {
  const { env, say } = options
  const { secret, redis } = await openData(settings, options).catch((err: unknown) => {
    throw explainDataFolder(err, settings.dataDir)
  })
  try {
    say('Redis', redis.description)
    const childEnv = {
      ...env,
      ...toChildEnvironment(settings),
      REDIS_URL: redis.url,
      ONQUEUE_SECRET: secret,
    }
    return await runApps(childEnv, { ...options, settings, redisFailure: redis.fatal })
  } finally {
    await redis.close()
    say('Redis', 'closed')
  }
}

/** What is kept in the data folder, or by the Redis that REDIS_URL names. */
const openData = async (settings: StartSettings, { env, say, redisSources }: RunOptions) => {
  const secret = env.ONQUEUE_SECRET || readOrCreateSecret(settings.dataDir)
  const redis = await keepRedis({
    dataDir: settings.dataDir,
    env,
    ...(redisSources && { sources: redisSources }),
    log: {
      info: (sentence) => say('Redis', sentence),
      debug: (sentence) => settings.isVerbose && say('Redis', sentence),
    },
  })
  return { secret, redis }
}

const runApps = async (
  childEnv: NodeJS.ProcessEnv,
  {
    apps,
    stop,
    kill,
    say,
    print,
    settings,
    redisFailure,
  }: RunOptions & { settings: StartSettings; redisFailure: Promise<string> },
): Promise<string | undefined> => {
  if (stop.aborted) return undefined
  const children = apps.map((app) => ({ ...app, env: environmentOf(app, childEnv) }))
  const supervisor = startSupervisor({ children, say })
  kill.addEventListener('abort', supervisor.kill)

  const over = new AbortController()
  const stopped = new Promise<undefined>((resolve) =>
    stop.addEventListener('abort', () => resolve(undefined)),
  )
  const announced = announceReady({
    url: `http://${urlHost(childEnv.ONQUEUE_HOST || '127.0.0.1')}:${settings.port}`,
    workerUrl: `http://127.0.0.1:${settings.healthPorts['ONQUEUE_WORKER_HEALTH_PORT']}`,
    model: settings.defaultModel,
    say,
    print,
    signal: over.signal,
  })

  const failure = await Promise.race([stopped, supervisor.fatal, redisFailure])
  over.abort()
  await announced
  if (failure === undefined) say('OnQueue', 'stopping (Ctrl-C again ends it at once)')
  await supervisor.close()
  return failure
}
