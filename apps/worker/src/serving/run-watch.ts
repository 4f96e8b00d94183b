import { shouldStop } from '../supervision/abandoned-run.ts'
import type { Replacement } from '../supervision/abandoned-run.ts'
import type { DropFinal } from './drop-final.ts'
import type { RunTimes } from './run-times.ts'
import type { Work } from './work.ts'

type Options = {
  works: Iterable<Work>
  dropFinal: DropFinal
  times: RunTimes
  /** what loading the model takes */
  loadMs: number
  /** how the executor would be replaced now */
  planReplacement: () => Promise<Replacement>
  /** Replaces the executor, until the signal aborts: the run has ended by itself. Never rejects. */
  stop: (replacement: Replacement, signal: AbortSignal) => Promise<void>
}

/** Most runs have ended before the first look. */
const lookMs = 250

/**
 * Watches a run while it goes on: drops predictions that ended meanwhile, which nobody tells a worker of, and has the run
 * stopped when none is left and it is worth it (abandoned-run.ts).
 */
export class RunWatch {
  readonly #options: Options
  #isOver = false
  /** Of the stop that is under way, if one is: for most runs a signal of their own would cost more than they do. */
  #stopping: AbortController | undefined
  #timer: NodeJS.Timeout | undefined
  #startedAt = 0
  #abandonedAt: number | undefined

  constructor(options: Options) {
    this.#options = options
  }

  /** It is its turn. */
  begin() {
    this.#startedAt = performance.now()
    this.#lookSoon()
  }

  /** It has ended, however it did. */
  end() {
    clearTimeout(this.#timer)
    this.#isOver = true
    this.#stopping?.abort()
    // of one that was stopped it is at least known that it took so long
    if (this.#abandonedAt !== undefined) this.#options.times.add(performance.now() - this.#startedAt)
  }

  #lookSoon() {
    // look never rejects
    this.#timer = setTimeout(() => void this.#look(), lookMs)
  }

  async #look() {
    if (await this.#isAbandoned()) await this.#stopIfWorthIt()
    if (!this.#isOver) this.#lookSoon()
  }

  async #isAbandoned() {
    const { works, dropFinal } = this.#options
    const wanted = [...works].filter(({ dropped }) => !dropped)
    await dropFinal(wanted)
    return wanted.every(({ dropped }) => dropped)
  }

  async #stopIfWorthIt() {
    const { times, loadMs, planReplacement, stop } = this.#options
    const now = performance.now()
    this.#abandonedAt ??= now
    const abandonedMs = now - this.#abandonedAt
    const remainingMs = times.remainingMs(now - this.#startedAt)
    const replacement = await planReplacement()
    if (this.#isOver || !shouldStop({ abandonedMs, remainingMs, replacement, loadMs })) return
    this.#stopping = new AbortController()
    await stop(replacement, this.#stopping.signal)
  }
}
