/**
 * What becomes of an *abandoned* run: one whose predictions have all ended, be it that they were canceled, that their
 * deadline passed, or that another worker ran them. It can't be interrupted. To stop it, its executor is replaced.
 */
const aboutASecondMs = 1000
/** Left for everything else when another executor is loaded beside the one that it replaces. */
const reserveBytes = 64 * 1024 * 1024

/**
 * `meanwhile`: the other executor is loaded while the run goes on, and takes over when it is there. `after`: the executor
 * is ended first, since there may be no room for two, or nobody knows, as with the memory of a GPU.
 */
export type Replacement = 'meanwhile' | 'after'

export const planReplacement = ({
  neededBytes,
  availableBytes,
  providers,
}: {
  /** the most that the executor took while it loaded the model */
  neededBytes: number
  availableBytes: number | undefined
  providers: string[]
}): Replacement => {
  if (availableBytes === undefined || providers.some((provider) => provider !== 'cpu')) return 'after'
  return availableBytes - neededBytes >= reserveBytes ? 'meanwhile' : 'after'
}

/**
 * Whether it is worth to stop a run that was abandoned: when it is expected to go on for more than about a second, or has
 * done so. Where the executor is ended first nobody is served until the other one is loaded, so the run has to go on
 * for longer than that takes: at the worst, twice as much is waited as was necessary.
 */
export const shouldStop = ({
  abandonedMs,
  remainingMs,
  replacement,
  loadMs,
}: {
  /** how long it has gone on since it was abandoned */
  abandonedMs: number
  /** how long it is expected to go on; undefined where nothing is known */
  remainingMs: number | undefined
  replacement: Replacement
  /** what loading the model takes */
  loadMs: number
}) => {
  const worthMs = replacement === 'after' ? Math.max(aboutASecondMs, loadMs) : aboutASecondMs
  return abandonedMs >= worthMs || (remainingMs ?? 0) > worthMs
}
