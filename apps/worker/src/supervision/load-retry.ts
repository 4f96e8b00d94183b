import { ExecutorDied } from './executor-died.ts'
import { VersionRefused } from './load-version.ts'

const firstDelayMs = 250
const longestDelayMs = 60_000
/** After about four seconds of waits: by then what passes by itself within moments has passed. */
const lastingFailures = 5

/**
 * How long to wait before a model is loaded again whose executor did not come to load it: 0.25 s, doubled with every
 * failure in a row, up to a minute. There is no last try: what was in the way (mostly memory) may go away at any time.
 */
export const loadRetryDelayMs = (failuresInRow: number) =>
  Math.min(firstDelayMs * 2 ** (failuresInRow - 1), longestDelayMs)

/** Whether so many tries have failed in a row that nobody should wait for the next one, though there will be one. */
export const isLasting = (failuresInRow: number) => failuresInRow >= lastingFailures

/** Tries to load a version that failed: why, and whether nobody should wait for the next one. */
export type FailedLoads = { reason: string; isLasting: boolean }

/** Why a version is not loaded though it is tried again and again: the sentence for its card. */
export const explainFailedLoads = (err: unknown, failuresInRow: number) =>
  withTries(describeFailure(err), failuresInRow)

/** The same of one whose files could not even be read. */
export const explainFailedReads = (reason: string, failuresInRow: number) =>
  withTries(`it can't be read for now: ${reason}`, failuresInRow)

const withTries = (failure: string, failuresInRow: number) => {
  const tries = failuresInRow === 1 ? 'one try has' : `${failuresInRow} tries in a row have`
  return `${failure}; ${tries} failed, and it is tried again`
}

const hints: [signal: RegExp, hint: string][] = [
  [/SIGKILL/, ' (the system does that when memory is short)'],
  [
    /was not done within/,
    ' (a row that was made up to try it may take that long: give an example in model.yaml)',
  ],
  [
    /SIG(FPE|SEGV|BUS|ILL|ABRT)/,
    ' (one of its operators may do that with a row that was made up to try it: give an example in model.yaml, or export the model again)',
  ],
]

const describeFailure = (err: unknown) => {
  const message = err instanceof Error ? err.message : String(err)
  // it was loaded once, so that its files must have changed
  if (err instanceof VersionRefused) return `it can't be loaded again: ${message}`
  const hint = hints.find(([signal]) => signal.test(message))?.[1] ?? ''
  return err instanceof ExecutorDied
    ? `its executor ${message}${hint} while it loaded the model`
    : `its executor could not load the model: ${message}`
}
