import { explainFailedLoads, isLasting, loadRetryDelayMs } from './load-retry.ts'
import type { FailedLoads } from './load-retry.ts'
import { healthWindowMs, isUnhealthy, restartDelayMs } from './restart-delay.ts'

/** What has become of the executors of a version lately, and how soon the next one is started therefore. */
export class RestartPace {
  /** when executors died, in ms of `performance.now()` */
  readonly #deaths: number[] = []
  /** when rows were found guilty, in the same ms */
  readonly #convictions: number[] = []
  #failedLoads = 0
  #failing: FailedLoads | undefined

  executorDied() {
    this.#deaths.push(performance.now())
  }

  /** The last so many deaths were the fault of what ran, and say nothing of the version: they make the next one no later. */
  explainDeaths(count: number) {
    this.#deaths.length = Math.max(0, this.#deaths.length - count)
  }

  /** A row was found guilty of ending executors. Many of them in a minute make the version unhealthy. */
  rowConvicted() {
    this.#convictions.push(performance.now())
  }

  /** Returns how many times in a row. */
  loadFailed(err: unknown) {
    this.#failedLoads += 1
    const reason = explainFailedLoads(err, this.#failedLoads)
    this.#failing = { reason, isLasting: isLasting(this.#failedLoads) }
    return this.#failedLoads
  }

  loaded() {
    this.#failedLoads = 0
    this.#failing = undefined
  }

  /** Why the last try to load the model has failed; undefined since one succeeded. */
  get failing() {
    return this.#failing
  }

  /** False while too many rows have been found guilty lately. */
  get isHealthy() {
    return !isUnhealthy(recent(this.#convictions))
  }

  get delayMs() {
    const delayMs = restartDelayMs({ deaths: recent(this.#deaths), convictions: recent(this.#convictions) })
    return this.#failedLoads === 0 ? delayMs : Math.max(delayMs, loadRetryDelayMs(this.#failedLoads))
  }
}

/** How many of these times are within the window; forgets the others. */
const recent = (times: number[]) => {
  const since = performance.now() - healthWindowMs
  while ((times[0] ?? Infinity) < since) times.shift()
  return times.length
}
