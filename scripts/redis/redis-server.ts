import { setTimeout as sleep } from 'node:timers/promises'
import { isProcessAlive } from '../bootstrap/presence.mjs'
import { askToShutDown } from './probe-redis.ts'
import { runProgram } from './run-program.ts'

/** A Redis that was started here: where it answers, and what to look at to know whether it still runs. */
export type RedisServer = {
  url: string
  version: string
  /** for people: `redis-server of Debian's packages` */
  origin: string
  runsAs: RunsAs
}

/** `process` is pid and start time in one word, see presence.mjs. */
export type RunsAs = { kind: 'process'; process: string } | { kind: 'container'; name: string }

export const isServerAlive = async ({ runsAs }: Pick<RedisServer, 'runsAs'>) =>
  runsAs.kind === 'process' ? isProcessAlive(runsAs.process) : isContainerRunning(runsAs.name)

/** Ends a Redis with its data flushed; false when it still runs after the grace. */
export const stopServer = async (server: RedisServer, { graceMs = 10_000 } = {}) => {
  const deadline = performance.now() + graceMs
  await askToShutDown(server.url)
  for (let pauseMs = 5; await isServerAlive(server); pauseMs = Math.min(pauseMs * 2, 100)) {
    if (performance.now() > deadline) return false
    await sleep(pauseMs)
  }
  if (server.runsAs.kind === 'container') {
    await runProgram('docker', ['rm', '--force', server.runsAs.name], { timeoutMs: 15_000 })
  }
  return true
}

const isContainerRunning = (name: string) =>
  runProgram('docker', ['inspect', '--format', '{{.State.Running}}', name], { timeoutMs: 10_000 }).then(
    (output) => output.trim() === 'true',
    () => false,
  )
