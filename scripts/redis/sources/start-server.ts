import { join } from 'node:path'
import { messageOf, SetupError } from '../../bootstrap/setup-error.mjs'
import type { RedisLog } from '../redis-log.ts'
import type { RedisServer } from '../redis-server.ts'
import type { RedisSettings } from '../redis-settings.ts'
import { adviseInstall } from './install-advice.ts'
import { startFromPackages } from './start-from-packages.ts'
import { startFromPath } from './start-from-path.ts'
import { startInDocker } from './start-in-docker.ts'

const starters = { path: startFromPath, docker: startInDocker, packages: startFromPackages }

export type RedisSource = keyof typeof starters

export type StartOptions = {
  log: RedisLog
  /** only PATH is read of it */
  env?: NodeJS.ProcessEnv
  /** where fetched packages stay; of the repository, whatever the working folder is */
  cacheDir?: string
  /** where to look for a Redis, in this order */
  sources?: readonly RedisSource[]
}

/** Starts a Redis from the first source that has one which serves. */
export const startServer = async (
  settings: RedisSettings,
  {
    log,
    env = process.env,
    cacheDir = join(import.meta.dirname, '../../../.cache/redis'),
    sources = ['path', 'docker', 'packages'],
  }: StartOptions,
): Promise<RedisServer> => {
  const reasons: string[] = []
  for (const source of sources) {
    try {
      return await starters[source](settings, { env, log, cacheDir })
    } catch (err) {
      reasons.push(`${source}: ${messageOf(err)}`)
      log.debug(`not from ${reasons.at(-1)}`)
    }
  }
  throw new SetupError(`No Redis could be started (${reasons.join(' | ')}). ${adviseInstall()}`)
}
