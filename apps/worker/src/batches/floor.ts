import type { Priority } from './priority.ts'

/** For so long nobody looks again whether the machine has become quiet. */
const lowMs = 10 * 60_000

/**
 * What batch executors get at least. They run at `idle`, which is next to nothing on a machine that is never idle: where one starves
 * those that are started in the next ten minutes run at `low`. That is the machine's affair and no version's, so it is one for all.
 */
export class Floor {
  readonly #now: () => number
  readonly #asked: Priority
  #lowUntil = -Infinity

  /** `asked` is what they have where none starves. */
  constructor({ now, asked = 'idle' }: { now: () => number; asked?: Priority | undefined }) {
    this.#now = now
    this.#asked = asked
  }

  starved() {
    this.#lowUntil = this.#now() + lowMs
  }

  priority(): Priority {
    return this.#asked === 'idle' && this.#now() < this.#lowUntil ? 'low' : this.#asked
  }
}
