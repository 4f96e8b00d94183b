import { setTimeout as sleep } from 'node:timers/promises'
import { addFailures } from '../figures/failures.ts'
import type { Failures } from '../figures/failures.ts'
import { sum } from '../figures/statistics.ts'
import { startLoad } from '../load/load.ts'
import { readDemoAnswers } from '../models/read-answers.ts'
import { findDescendants } from '../processes/find-descendants.ts'
import { readPssBytes } from '../processes/proc.ts'
import { findOnQueueProcesses } from '../stack/onqueue-processes.ts'
import { startOnQueue } from '../stack/start-onqueue.ts'
import type { Plan } from './plan.ts'

/** Proportional set size of all processes of `npm start` with the models that ship, its Redis too: at rest, and right after load. */
export type Memory = Failures & { idle: MemoryUse; underLoad: MemoryUse }

/** `bytes` of each part of it; several executors are one part, and so are npm and what it starts before the apps. */
export type MemoryUse = { bytes: Record<string, number>; totalBytes: number }

/** Until all models are loaded, and what that needed is given back. */
const settleMs = 5000

export const measureMemory = async ({ predictMs }: Plan): Promise<Memory> => {
  await using opened = new AsyncDisposableStack()
  const onqueue = await startOnQueue()
  opened.defer(onqueue.close)
  const answers = await readDemoAnswers()
  const load = await startLoad({ url: onqueue.url, model: 'demo-classifier', answers })
  opened.defer(load.close)

  await sleep(settleMs)
  const idle = readMemory(onqueue.pid)
  const reports = []
  for (const clients of [64, 256]) reports.push(await load.predict({ clients, durationMs: 2 * predictMs }))
  return { idle, underLoad: readMemory(onqueue.pid), ...addFailures(reports) }
}

/** That of all processes below `npm start`. */
export const readMemory = (npmPid: number): MemoryUse => {
  const parts = new Map(
    Object.entries(findOnQueueProcesses(npmPid)).map(([name, pid]) => [pid, name.replace(/ \d+$/, '')]),
  )
  const bytes: Record<string, number> = {}
  for (const { pid } of findDescendants(npmPid)) {
    const part = parts.get(pid) ?? 'npm start itself'
    bytes[part] = (bytes[part] ?? 0) + readPssBytes(pid)
  }
  return { bytes, totalBytes: sum(Object.values(bytes)) }
}
