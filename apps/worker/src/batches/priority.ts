import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { promisify } from 'node:util'

/**
 * What a batch executor has of the cores:
 *
 * - `idle`: what nobody else wants (`SCHED_IDLE`). Whoever wakes up has the core at once, so callers feel nothing; where others
 *   want all cores all the time it gets next to nothing.
 * - `low`: a tenth of a core where others want all of it (nice 10), but who wakes up may wait for some ms;
 * - `normal`: as much as whoever answers callers.
 */
export const priorities = ['idle', 'low', 'normal'] as const
export type Priority = (typeof priorities)[number]

const niceness = 10

/** To be called when a process was just started: threads inherit it. That of loading a model, which has to come to an end. */
export const startLow = (pid: number) => trySetPriority(pid)

/**
 * Gives all threads of a process a priority; those that they start inherit it. Resolves to the one that it has: `idle` can't be
 * had everywhere. A process can't be raised from `idle` again without privilege.
 */
export const givePriority = async (pid: number, priority: Priority): Promise<Priority> => {
  if (priority === 'normal' || (priority === 'idle' && (await setIdle(pid)))) return priority
  // on Linux each thread has its own, and that of the process is the one of its first thread
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [String(pid)])
  for (const thread of threads) trySetPriority(Number(thread))
  return 'low'
}

const setIdle = (pid: number) =>
  promisify(execFile)('chrt', ['-a', '-i', '-p', '0', String(pid)], { timeout: 5000 }).then(
    () => true,
    () => false,
  )

const trySetPriority = (id: number) => {
  try {
    setPriority(id, niceness)
  } catch {
    // it is gone already
  }
}
