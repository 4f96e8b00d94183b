import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Call } from '../load/callers.ts'
import { toClose } from '../processes/closing.ts'
import { endGroups } from '../processes/end-groups.ts'
import { findDescendants } from '../processes/find-descendants.ts'
import { openScratchFolder } from '../processes/scratch-folder.ts'
import { pollUntil } from '../stack/poll-until.ts'
import type { RunningServer } from './contender.ts'

export type Program = { command: string; args: string[]; env: Record<string, string> }

const programsDir = join(import.meta.dirname, 'programs')
const patienceMs = 90_000
const pollMs = 50
const probeMs = 5000
const graceMs = 10_000

/** Starts what a server consists of, each program in a group of its own, and waits until it answers the probe. */
export const startPrograms = async (
  programs: readonly Program[],
  { url, probe }: { url: string; probe: Call },
): Promise<RunningServer> => {
  await using opened = new AsyncDisposableStack()
  const folder = await openScratchFolder()
  opened.defer(folder.close)
  const logFile = join(folder.path, 'log')
  const started = programs.map((program) => startProgram(program, { home: folder.path, logFile }))
  opened.defer(
    toClose(async () => {
      await endGroups(started, { signal: 'SIGTERM', graceMs })
    }),
  )
  try {
    await pollUntil(
      async () => {
        if (started.some(hasEnded)) throw new Error('one of its programs has ended')
        return isAnswered(url, probe)
      },
      { everyMs: pollMs, patienceMs, otherwise: 'it did not answer' },
    )
  } catch (err) {
    const said = await readFile(logFile, 'utf8')
    throw new Error(`${programs[0]?.args.join(' ')} did not come up; it said:\n${said}`, { cause: err })
  }
  const running = opened.move()
  return {
    url,
    listProcesses: () => started.flatMap(({ pid = 0 }) => findDescendants(pid)),
    close: () => running.disposeAsync(),
  }
}

const startProgram = (
  { command, args, env }: Program,
  { home, logFile }: { home: string; logFile: string },
): ChildProcess => {
  const log = openSync(logFile, 'a')
  const program = spawn(command, args, {
    cwd: programsDir,
    // what a library keeps at home is not for the home of who runs the bench
    env: { PATH: process.env['PATH'], HOME: home, ...env },
    stdio: ['ignore', log, log],
    detached: true,
  })
  closeSync(log)
  return program
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null

const isAnswered = async (url: string, { path, body }: Call) => {
  try {
    const response = await fetch(new URL(path, url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: AbortSignal.timeout(probeMs),
    })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}
