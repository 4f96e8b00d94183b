import type { ChildProcess } from 'node:child_process'

/** `stopped`: by us, since nobody waited for its run any more, or in the run before. That says nothing about any row. */
type How = 'crashed' | 'timed_out' | 'stopped'

/** The executor is gone, and with it the answers to all that was in flight; or it never came to load its model. */
export class ExecutorDied extends Error {
  override readonly name = 'ExecutorDied'
  readonly how: How

  constructor(how: How, detail: string, options?: ErrorOptions) {
    super(detail, options)
    this.how = how
  }
}

/** How a process ended, as the rest of a sentence. */
export const describeExit = (code: number | null, signal: NodeJS.Signals | null) =>
  signal ? `was ended by ${signal}` : `ended with exit code ${code ?? 'unknown'}`

/** Resolves when a process has ended, or could not be started. */
export const untilEnd = (
  child: ChildProcess,
  explain: (code: number | null, signal: NodeJS.Signals | null) => ExecutorDied,
) =>
  new Promise<ExecutorDied>((resolve) => {
    child.once('exit', (code, signal) => resolve(explain(code, signal)))
    // where it could not be started there is no exit; a message that can't be sent any more is followed by one
    child.on('error', (err) => {
      if (child.pid === undefined)
        resolve(new ExecutorDied('crashed', `could not be started (${err.message})`, { cause: err }))
    })
  })

export const describeLimit = (ms: number) => (ms < 120_000 ? `${ms / 1000} s` : `${ms / 60_000} minutes`)
