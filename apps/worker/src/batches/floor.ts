import type { Priority } from './priority.ts'

/** For so long nobody looks again whether the machine has become quiet. */
const lowMs = 10 * 60_000

/**
 * What batch executors get at least. They run at `idle`, which is next to nothing on a machine that is never idle: where one starves
 * those that are started in the next ten minutes run at `low`. That is the machine's affair and no version's, so it is one for all.
 */
export class Floor {
  readonly #now: () => number
  #lowUntil = -Infinity

  constructor({ now }: { now: () => number }) {
    this.#now = now
  }

  starved() {
    this.#lowUntil = this.#now() + lowMs
  }

  priority(): Priority {
    return this.#now() < this.#lowUntil ? 'low' : 'idle'
  }
}
