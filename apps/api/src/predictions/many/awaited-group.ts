import { untilDeadline } from '../watch-prediction.ts'
import { Waiter } from '../waiter.ts'
import type { OutcomeListener } from '../waiter.ts'

type Listen = (id: string, listener: OutcomeListener) => () => void

/**
 * Predictions that one caller waits for, until all of them or any is final. It knows which ones, and nothing of how they end,
 * which is read afterwards: so a thousand of them are little to hold.
 */
export class AwaitedGroup implements OutcomeListener {
  readonly #until: 'all' | 'any'
  readonly #listen: Listen
  readonly #left = new Map<string, { deadline: number | null; leave: () => void }>()
  readonly #doubtful = new Set<string>()
  readonly #bell = new Waiter()
  #isAnyFinal = false

  constructor(until: 'all' | 'any', listen: Listen) {
    this.#until = until
    this.#listen = listen
  }

  /** Those that are not known to be final or gone. */
  get ids() {
    return [...this.#left.keys()]
  }

  /** Whatever becomes of the others. */
  isEnough() {
    return this.#until === 'any' && this.#isAnyFinal
  }

  isDone() {
    return this.#left.size === 0 || this.isEnough()
  }

  add(id: string, deadline: number | null) {
    if (!this.#left.has(id)) this.#left.set(id, { deadline, leave: this.#listen(id, this) })
  }

  settle(id: string) {
    this.#isAnyFinal = true
    this.drop(id)
  }

  /** It is final, or gone. */
  drop(id: string) {
    this.#left.get(id)?.leave()
    this.#left.delete(id)
    if (this.isDone()) this.#bell.wake()
  }

  wake(id: string) {
    this.#doubtful.add(id)
    this.#bell.wake()
  }

  close() {
    this.#bell.close()
  }

  /** Until it is done, or some of them have to be looked at; as long as `waitMs` at the most. */
  async untilNews({ waitMs, signal, now }: { waitMs: number; signal: AbortSignal | undefined; now: number }) {
    if (this.isDone() || this.#doubtful.size > 0) return
    let lookMs = waitMs
    for (const { deadline } of this.#left.values()) lookMs = Math.min(lookMs, untilDeadline(deadline, now))
    await this.#bell.within(lookMs, signal)
  }

  /** Those that have to be looked at: they may be gone, or are overdue. */
  takeDoubtful(now: number) {
    const doubtful = [...this.#left].filter(
      ([id, { deadline }]) => this.#doubtful.has(id) || (deadline !== null && deadline <= now),
    )
    this.#doubtful.clear()
    return doubtful.map(([id]) => id)
  }

  release() {
    for (const { leave } of this.#left.values()) leave()
    this.#left.clear()
  }
}
