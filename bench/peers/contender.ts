import type { Call } from '../load/callers.ts'
import type { ModelName } from './cases.ts'
import type { Wording } from './wording.ts'

/** A server that is measured. */
export type Contender = {
  name: string
  wording: Wording
  /** With two processes that run the model, where it lets one choose; resolves when it answers the probe. */
  start: (options: { model: ModelName; probe: Call }) => Promise<RunningServer>
  /** in the command line of a process that runs the model */
  modelProcess: RegExp
}

export type RunningServer = {
  url: string
  /** everything that was started for it, its Redis too */
  listProcesses: () => { pid: number; command: string }[]
  close: () => Promise<void>
}
