/** Runs of up to this long have the next one right behind them: the way to the executor would be much of their time. */
const shortRunMs = 20
/** How long before the end of a longer run the next one leaves. */
const leadMs = 5
/** What looking takes which of its predictions are final, before it leaves. */
const lookMs = 1

/** When in the course of a run, in ms from its begin, another one may be sent behind it. */
export type Ahead = { fromMs: number; untilMs: number }

/**
 * What was sent can't be canceled any more without being run, nor go to another executor. So behind a long run the next one
 * leaves as late as it can without leaving the executor idle; and not at all where the end of the run is not known: its
 * times vary, or it is over and the run is not.
 */
export const planAhead = ({
  runMs,
  deviationMs,
}: {
  /** what the run is expected to take by the clock */
  runMs: number
  deviationMs: number
}): Ahead | undefined => {
  if (runMs <= shortRunMs) return { fromMs: 0, untilMs: shortRunMs }
  if (deviationMs > Math.max(leadMs, runMs / 4)) return undefined
  return { fromMs: runMs - leadMs - lookMs, untilMs: runMs + shortRunMs }
}

/** How long until another run may be sent, in ms; undefined where it may not before this one has ended. */
export const msUntilAhead = (ahead: Ahead | undefined, elapsedMs: number) =>
  !ahead || elapsedMs > ahead.untilMs ? undefined : Math.max(0, ahead.fromMs - elapsedMs)
