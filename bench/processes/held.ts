import { identifyProcess, isProcessAlive } from '../../scripts/bootstrap/presence.mjs'
import { toClose } from './closing.ts'

/** A process that the bench started, held (`SIGSTOP`) while it must not take part, without ending it. */
export type Held = {
  hold: () => void
  release: () => void
  /** Releases it for good: one that is held does not notice that it should end. May be called twice. */
  close: () => Promise<void>
}

export const toHold = (pid: number): Held => {
  const identity = identifyProcess(pid)
  const signal = (name: NodeJS.Signals) => {
    if (identity === undefined || !isProcessAlive(identity)) throw new Error(`process ${pid} has ended`)
    process.kill(pid, name)
  }
  return {
    hold: () => signal('SIGSTOP'),
    release: () => signal('SIGCONT'),
    close: toClose(async () => {
      if (identity !== undefined && isProcessAlive(identity)) process.kill(pid, 'SIGCONT')
    }),
  }
}
