import { writeFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'

export type RedisSettings = {
  /** holds the data, the configuration and the log */
  folder: string
  /** on loopback */
  port: number
  password: string
  maxmemoryBytes: number
  /** keep the data on disk (AOF, flushed every second), or in memory only */
  appendonly: boolean
  /** keep the server running when this process ends */
  outlivesUs: boolean
}

/** Where the server itself sees things; in a container that is not where we see them. */
export type RedisView = { bind: string; port: number; folder: string }

export const toRedisUrl = ({ port, password }: RedisSettings) => `redis://:${password}@127.0.0.1:${port}`

/** Writes redis.conf: in a file only its owner may read, for a password on the command line shows in `ps`. */
export const writeRedisConfig = (
  settings: RedisSettings,
  view: RedisView = { bind: '127.0.0.1', port: settings.port, folder: settings.folder },
) => {
  const file = join(settings.folder, 'redis.conf')
  writeFileSync(file, toRedisConfig(settings, view), { mode: 0o600 })
  return file
}

const toRedisConfig = (settings: RedisSettings, view: RedisView) =>
  [
    `bind ${view.bind}`,
    `port ${view.port}`,
    'protected-mode yes',
    `requirepass ${settings.password}`,
    `dir ${JSON.stringify(view.folder)}`,
    // the append-only file is the one copy on disk
    'save ""',
    `appendonly ${settings.appendonly ? 'yes' : 'no'}`,
    'appendfsync everysec',
    `maxmemory ${settings.maxmemoryBytes}`,
    // an evicted key would be a lost prediction; the API admits less before the memory is full
    'maxmemory-policy noeviction',
    '',
  ].join('\n')

/** A quarter of the RAM this process may use: the machine's, or what the cgroup allows when that is less. */
export const quarterOfMemory = ({
  totalBytes = totalmem(),
  allowedBytes = process.constrainedMemory(),
} = {}) => {
  // 0: not known; far beyond the RAM: a cgroup without a limit
  const usableBytes = allowedBytes > 0 ? Math.min(totalBytes, allowedBytes) : totalBytes
  return Math.floor(usableBytes / 4)
}
