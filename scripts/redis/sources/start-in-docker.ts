import { createHash } from 'node:crypto'
import { messageOf } from '../../bootstrap/setup-error.mjs'
import { waitUntilServing } from '../probe-redis.ts'
import type { RedisLog } from '../redis-log.ts'
import { isServerAlive } from '../redis-server.ts'
import type { RedisServer } from '../redis-server.ts'
import { toRedisUrl, writeRedisConfig } from '../redis-settings.ts'
import type { RedisSettings } from '../redis-settings.ts'
import { findOnPath, runProgram } from '../run-program.ts'

const image = 'redis:7-alpine'

/** Starts Redis in a container that is named for its data folder, so that Docker too refuses a second one on it. */
export const startInDocker = async (
  settings: RedisSettings,
  { env, log }: { env: NodeJS.ProcessEnv; log: RedisLog },
): Promise<RedisServer> => {
  const docker = findOnPath('docker', env.PATH)
  if (docker === undefined) throw new Error('no docker')
  const isRootless = /rootless/.test(
    await runProgram(docker, ['info', '--format', '{{.SecurityOptions}}'], { timeoutMs: 5000 }),
  )
  await bringImage(docker, log)

  const name = nameContainer(settings.folder)
  await removeContainer(docker, name)
  writeRedisConfig(settings, { bind: '0.0.0.0', port: 6379, folder: '/data' })
  const run = ['run', '--detach', '--name', name, '--restart', 'on-failure', '--entrypoint', 'redis-server']
  const asUs = isRootless ? [] : ['--user', `${process.getuid?.()}:${process.getgid?.()}`]
  const publish = ['--publish', `127.0.0.1:${settings.port}:6379`, '--volume', `${settings.folder}:/data`]
  await runProgram(docker, [...run, ...asUs, ...publish, image, configFileInContainer], {
    timeoutMs: 60_000,
  })

  const url = toRedisUrl(settings)
  const runsAs = { kind: 'container', name } as const
  try {
    const { version } = await waitUntilServing(url, { isAlive: () => isServerAlive({ runsAs }) })
    return { url, version, origin: `${image} in Docker`, runsAs }
  } catch (err) {
    const said = await runProgram(docker, ['logs', '--tail', '3', name], { timeoutMs: 5000 }).catch(messageOf)
    await removeContainer(docker, name)
    throw new Error(`${image} does not serve: ${messageOf(err)}; it said: ${said}`, { cause: err })
  }
}

export const configFileInContainer = '/data/redis.conf'

export const nameContainer = (folder: string) =>
  `onqueue-redis-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`

const bringImage = async (docker: string, log: RedisLog) => {
  try {
    await runProgram(docker, ['image', 'inspect', '--format', '{{.Id}}', image], { timeoutMs: 10_000 })
  } catch {
    log.info(`pulling ${image}`)
    await runProgram(docker, ['pull', '--quiet', image], { timeoutMs: 120_000 })
  }
}

const removeContainer = async (docker: string, name: string) => {
  await runProgram(docker, ['rm', '--force', name], { timeoutMs: 15_000 }).catch(() => {
    // none was there; one that could not be removed makes the `run` after this fail by its name
  })
}
