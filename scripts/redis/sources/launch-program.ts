import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { identifyProcess, isProcessAlive } from '../../bootstrap/presence.mjs'
import { messageOf } from '../../bootstrap/setup-error.mjs'
import { waitUntilServing } from '../probe-redis.ts'
import type { RedisServer } from '../redis-server.ts'
import { toRedisUrl, writeRedisConfig } from '../redis-settings.ts'
import type { RedisSettings } from '../redis-settings.ts'

export type RedisProgram = { command: string; origin: string; libraryPath?: string }

/** Starts a Redis and resolves when it serves commands. */
export const launchProgram = async (
  { command, origin, libraryPath = '' }: RedisProgram,
  settings: RedisSettings,
): Promise<RedisServer> => {
  const logFile = join(settings.folder, 'redis.log')
  const process = await spawnRedis(command, [writeRedisConfig(settings)], {
    libraryPath,
    logFile,
    // in a session of its own no Ctrl-C reaches it
    detached: settings.outlivesUs,
  })
  const url = toRedisUrl(settings)
  try {
    const { version } = await waitUntilServing(url, { isAlive: () => isProcessAlive(process) })
    return { url, version, origin, runsAs: { kind: 'process', process } }
  } catch (err) {
    if (isProcessAlive(process)) killHard(process)
    throw new Error(`${command} does not serve: ${messageOf(err)}; it said: ${lastLines(logFile)}`, {
      cause: err,
    })
  }
}

const spawnRedis = (
  command: string,
  args: readonly string[],
  { libraryPath, logFile, detached }: { libraryPath: string; logFile: string; detached: boolean },
) =>
  new Promise<string>((resolve, reject) => {
    const log = openSync(logFile, 'w')
    const child = spawn(command, args, {
      detached,
      stdio: ['ignore', log, log],
      // nothing else of our environment is its business, secrets least of all
      env: { PATH: process.env.PATH, ...(libraryPath && { LD_LIBRARY_PATH: libraryPath }) },
    })
    closeSync(log)
    child.unref()
    child.once('error', reject)
    child.once('spawn', () => resolve(identifyProcess(child.pid ?? 0) ?? 'ended'))
  })

const killHard = (identity: string) => {
  process.kill(Number.parseInt(identity, 10), 'SIGKILL')
}

const lastLines = (logFile: string) =>
  readFileSync(logFile, 'utf8').trim().split('\n').slice(-3).join(' / ') || 'nothing'
