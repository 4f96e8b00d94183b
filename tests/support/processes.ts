import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { vi } from 'vitest'
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

/** Pids of the processes that a process has started. */
const childrenOf = async (pid: number) => {
  const processes = await listProcesses()
  return processes
    .filter(({ parent, pid: child }) => parent === pid && isRunning(child))
    .map((one) => one.pid)
}

/** Children, their children, and so on. */
export const descendantsOf = async (pid: number): Promise<number[]> => {
  const children = await childrenOf(pid)
  return [...children, ...(await Promise.all(children.map(descendantsOf))).flat()]
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

/** All processes of the machine. */
export const listProcesses = async () => {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,args='], { maxBuffer: 2 ** 26 })
  return [...stdout.matchAll(/^\s*(\d+)\s+(\d+)\s+(.*)$/gm)].map(([, pid, parent, command = '']) => ({
    pid: Number(pid),
    parent: Number(parent),
    command,
  }))
}
