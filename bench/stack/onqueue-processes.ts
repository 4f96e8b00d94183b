import { apps } from '../../scripts/start/apps.ts'
import { findDescendants } from '../processes/find-descendants.ts'
import type { Processes } from '../processes/process-watch.ts'

/** What `npm start` runs, by the part in it that each process has; a second of the same part is called `worker 2`. */
export const findOnQueueProcesses = (npmPid: number): Processes => {
  const processes: Processes = {}
  for (const { pid, command } of findDescendants(npmPid)) {
    const part = Object.entries(parts).find(([, sign]) => sign.test(command))?.[0]
    if (part === undefined) continue
    const sameParts = Object.keys(processes).filter((name) => name.startsWith(part)).length
    processes[sameParts === 0 ? part : `${part} ${sameParts + 1}`] = pid
  }
  return processes
}

const parts: Record<string, RegExp> = {
  ...Object.fromEntries(apps.map(({ name, entry }) => [name, new RegExp(RegExp.escape(entry))])),
  // their titles, once they have set one
  'batch executor': /^onqueue-batch|batch-executor-process\.ts/,
  executor: /^onqueue-executor|executor-process\.ts/,
  Redis: /^\S*redis-server/,
}
