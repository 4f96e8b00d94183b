import { messageOf } from '../../bootstrap/setup-error.mjs'
import type { RedisServer } from '../redis-server.ts'
import type { RedisSettings } from '../redis-settings.ts'
import { isTooOld, parseVersion } from '../redis-version.ts'
import { findOnPath, runProgram } from '../run-program.ts'
import { launchProgram } from './launch-program.ts'

/** Starts the first `redis-server` or `valkey-server` on PATH that is new enough. */
export const startFromPath = async (
  settings: RedisSettings,
  { env }: { env: NodeJS.ProcessEnv },
): Promise<RedisServer> => {
  const reasons: string[] = []
  for (const name of ['redis-server', 'valkey-server']) {
    try {
      return await launchProgram(
        { command: await findProgram(name, env), origin: `${name} on the PATH` },
        settings,
      )
    } catch (err) {
      reasons.push(messageOf(err))
    }
  }
  throw new Error(reasons.join('; '))
}

const findProgram = async (name: string, env: NodeJS.ProcessEnv) => {
  const command = findOnPath(name, env.PATH)
  if (command === undefined) throw new Error(`no ${name}`)
  const version = parseVersion(
    await runProgram(command, ['--version'], { timeoutMs: 5000, env: { PATH: env.PATH } }),
  )
  if (isTooOld(version)) throw new Error(`${command} is ${version}, and 7.0 is needed`)
  return command
}
