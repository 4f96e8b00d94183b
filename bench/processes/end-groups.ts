import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { identifyProcess, isProcessAlive } from '../../scripts/bootstrap/presence.mjs'
import { findDescendants } from './find-descendants.ts'

/**
 * Ends programs that were started detached, and all that they started: by the signal, and what of them is still there
 * after the grace by force.
 */
export const endGroups = async (
  programs: readonly ChildProcess[],
  { signal, graceMs }: { signal: NodeJS.Signals; graceMs: number },
) => {
  const started = programs.flatMap(({ pid = 0 }) =>
    findDescendants(pid).flatMap((one) => identifyProcess(one.pid) ?? []),
  )
  for (const { pid } of programs) signalGroup(pid, signal)
  const until = performance.now() + graceMs
  while (started.some(isProcessAlive) && performance.now() < until) await sleep(20)
  const outliving = started.filter(isProcessAlive)
  for (const identity of outliving) process.kill(Number.parseInt(identity, 10), 'SIGKILL')
  return outliving
}

const signalGroup = (leader: number | undefined, signal: NodeJS.Signals) => {
  if (leader === undefined) return
  try {
    process.kill(-leader, signal)
  } catch {
    // nobody is left in it
  }
}
