import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, vi } from 'vitest'
import { identifyProcess } from '../../scripts/bootstrap/presence.mjs'

/** False for one that ended, also when nobody has asked how. */
export const isRunning = (pid: number) => identifyProcess(pid) !== undefined

/** Pids of a worker's executors of a model. */
export const executorsOf = async (worker: number, model: string) => {
  const processes = await listProcesses()
  return processes
    .filter(({ parent, command }) => parent === worker && command.startsWith(`onqueue-executor ${model}/`))
    .map(({ pid }) => pid)
}

/** Pids of all executors of a worker, those included that are loading. */
export const allExecutorsOf = async (worker: number) => {
  const processes = await listProcesses()
  return processes
    .filter(({ parent, command }) => parent === worker && command.includes('executor'))
    .map(({ pid }) => pid)
}

/** Children of the processes, their children, and so on. */
export const descendantsOf = async (...pids: number[]): Promise<number[]> => {
  const byParent = Map.groupBy(await listProcesses(), ({ parent }) => parent)
  const below = (pid: number): number[] =>
    (byParent.get(pid) ?? []).flatMap((child) => [child.pid, ...below(child.pid)])
  return pids.flatMap(below).filter(isRunning)
}

export const signalAll = (pids: number[], name: NodeJS.Signals) => {
  for (const pid of pids.filter(isRunning)) process.kill(pid, name)
}

/** Rejects with those that still run when the time is over. */
export const untilGone = (pids: number[], { withinMs }: { withinMs: number }) =>
  vi.waitFor(
    () => {
      const left = pids.filter(isRunning)
      if (left.length > 0) throw new Error(`still running after ${withinMs} ms: ${left.join(', ')}`)
    },
    { timeout: withinMs, interval: 20 },
  )

/** Until a process that was at rest computes. By Linux' count of its CPU time, in hundredths of a second (proc(5)). */
export const untilComputing = async (pid: number) => {
  const readTicks = async () => {
    const [, afterName = ''] = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')
    const [user, system] = afterName.split(' ').slice(11, 13).map(Number)
    return (user ?? Number.NaN) + (system ?? Number.NaN)
  }
  const before = await readTicks()
  await vi.waitFor(async () => expect(await readTicks()).toBeGreaterThan(before + 5), {
    timeout: 10_000,
    interval: 10,
  })
}

/** All processes of the machine. */
export const listProcesses = async () => {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,args='], { maxBuffer: 2 ** 26 })
  return [...stdout.matchAll(/^\s*(\d+)\s+(\d+)\s+(.*)$/gm)].map(([, pid, parent, command = '']) => ({
    pid: Number(pid),
    parent: Number(parent),
    command,
  }))
}
