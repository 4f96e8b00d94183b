import type { ExecutorPlace, Scored } from './executor-place.ts'

type Waiting = { scored: Scored; resolve: (place: ExecutorPlace) => void; reject: (reason: unknown) => void }
type Kept = {
  key: string
  place: ExecutorPlace
  isBusy: boolean
  usedAt: number
  idle: NodeJS.Timeout | undefined
}

/**
 * The places for batch executors, of which there are `most`. Whoever finds none that is free waits, first come, first served. A
 * version may have several, and keeps one for a while after it was used, unless another version needs it: then the one that was not
 * used for longest goes.
 */
export class ExecutorPlaces {
  readonly #most: number
  readonly #idleMs: number
  readonly #create: (scored: Scored) => ExecutorPlace
  readonly #kept: Kept[] = []
  readonly #waiting: Waiting[] = []
  /** of those that go, by the place that they make room for */
  readonly #ending = new Set<Promise<void>>()

  constructor(options: { most: number; idleMs: number; create: (scored: Scored) => ExecutorPlace }) {
    this.#most = options.most
    this.#idleMs = options.idleMs
    this.#create = options.create
  }

  get all(): ExecutorPlace[] {
    return this.#kept.map(({ place }) => place)
  }

  /** Does something in a place for a version, when it is its turn. Rejects with the signal's reason where that comes before. */
  async use<Result>(
    scored: Scored,
    signal: AbortSignal,
    act: (place: ExecutorPlace) => Promise<Result>,
  ): Promise<Result> {
    const place = await this.#take(scored, signal)
    try {
      return await act(place)
    } finally {
      this.#giveBack(place)
    }
  }

  /** Ends those that nobody uses. */
  async close() {
    for (const kept of this.#kept.filter(({ isBusy }) => !isBusy)) this.#remove(kept)
    await Promise.all(this.#ending)
  }

  async #take(scored: Scored, signal: AbortSignal): Promise<ExecutorPlace> {
    signal.throwIfAborted()
    const free = this.#waiting.length === 0 ? this.#takeFree(scored) : undefined
    const place = free ?? (await this.#wait(scored, signal))
    // two at once may be more than the memory has room for
    await Promise.all(this.#ending)
    return place
  }

  #wait(scored: Scored, signal: AbortSignal) {
    return new Promise<ExecutorPlace>((resolve, reject) => {
      const waiting: Waiting = {
        scored,
        reject,
        resolve: (place) => {
          signal.removeEventListener('abort', onAbort)
          resolve(place)
        },
      }
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
        reject(signal.reason)
      }
      this.#waiting.push(waiting)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  #takeFree(scored: Scored): ExecutorPlace | undefined {
    const key = keyOf(scored)
    const idle = this.#kept.filter(({ isBusy }) => !isBusy).toSorted((a, b) => a.usedAt - b.usedAt)
    const own = idle.findLast((kept) => kept.key === key)
    if (own) return this.#occupy(own)
    const [oldest] = idle
    if (this.#kept.length >= this.#most) {
      if (!oldest) return undefined
      this.#remove(oldest)
    }
    const kept: Kept = { key, place: this.#create(scored), isBusy: true, usedAt: 0, idle: undefined }
    this.#kept.push(kept)
    return kept.place
  }

  #occupy(kept: Kept) {
    clearTimeout(kept.idle)
    kept.isBusy = true
    return kept.place
  }

  #giveBack(place: ExecutorPlace) {
    const kept = this.#kept.find((one) => one.place === place)
    if (!kept) return
    kept.isBusy = false
    kept.usedAt = performance.now()
    if (place.executor) kept.idle = setTimeout(() => this.#remove(kept), this.#idleMs)
    else this.#remove(kept)
    const [next] = this.#waiting
    const free = next && this.#takeFree(next.scored)
    if (!free) return
    this.#waiting.shift()
    next.resolve(free)
  }

  #remove(kept: Kept) {
    clearTimeout(kept.idle)
    this.#kept.splice(this.#kept.indexOf(kept), 1)
    const ending = kept.place.end().finally(() => this.#ending.delete(ending))
    this.#ending.add(ending)
  }
}

/** Which rows share a run must not hang on what was scored before, so a place is for one size. */
const keyOf = ({ definition: { name, version, digest }, microBatchRows }: Scored) =>
  JSON.stringify([name, version, digest, microBatchRows])
