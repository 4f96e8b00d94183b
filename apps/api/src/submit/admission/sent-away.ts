/** HTTP's `Retry-After` is in whole seconds; nobody is sent away for longer than a minute. */
export const maxRetrySeconds = 60
/** Who finds the minute full, or nothing draining, comes back somewhere in the last third of it. */
const lateFromSeconds = 40
/** Of what drains at the least this share is planned for those who come back, however many newcomers there are. */
const minShare = 1 / 3
/** Newcomers are counted by the second; the median of so many says what is usual, and takes a burst for what it is. */
const seconds = 7

/**
 * When to come back, for those who are refused.
 *
 * Everybody who is sent away gets a turn of his own: the first when there will be room, each other behind the one before
 * him. Turns follow each other as fast as room comes free for them, which is what drains less what newcomers take: they
 * find the same room, and can't be told from those who come back.
 *
 *     now      room        turns, one after the other                 + 60 s
 *      │········│──┤──┤──┤──┤──┤  next one here                         │  full: anywhere in the last third
 *
 * Where newcomers alone take all that drains, somebody has to lose. Turns then follow each other at a third of the drain:
 * of four who ask three get in, so that few come back more than twice, and the rest waits no longer in the end, since
 * nobody is served sooner by asking more often.
 *
 * Amounts are rows or bytes. Several API processes share what drains; each plans with its own part of it, for it knows
 * only whom it sent away itself, and the load is taken to be balanced between them.
 */
export class SentAway {
  readonly #clock: () => number
  readonly #random: () => number
  /** when the turns that were given out end, in ms */
  #turnsEndAt = -Infinity
  /** by second: what asked, less what was told to come back then */
  readonly #newcomers = new Map<number, number>()

  /** `clock` is in ms; `random` from 0 to below 1. */
  constructor({ clock, random }: { clock: () => number; random: () => number }) {
    this.#clock = clock
    this.#random = random
  }

  /** Takes in everybody who asks, whether he is let in or not. */
  asked(amount: number) {
    this.#count(this.#clock(), amount)
  }

  /**
   * Whole seconds, 1 to 60, after which to come back with `amount`. Until `excess` has drained there is no room;
   * `perSecond` drains for all processes, of which there are `processes`.
   */
  sendAway({
    amount,
    excess,
    perSecond,
    processes,
  }: {
    amount: number
    excess: number
    perSecond: number
    processes: number
  }): number {
    const now = this.#clock()
    const seconds = this.#secondsUntilTurn(now, { amount, excess, perSecond, processes })
    this.#count(now + seconds * 1000, -amount)
    return seconds
  }

  #secondsUntilTurn(
    now: number,
    {
      amount,
      excess,
      perSecond,
      processes,
    }: { amount: number; excess: number; perSecond: number; processes: number },
  ) {
    const roomAt = now + (excess / perSecond) * 1000
    const own = perSecond / processes
    const forThem = Math.max(own - this.#usualNewcomers(now), own * minShare)
    const turnEndsAt = Math.max(this.#turnsEndAt, roomAt) + (amount / forThem) * 1000
    const lastAt = now + maxRetrySeconds * 1000
    // also where nothing drains
    if (!(turnEndsAt <= lastAt)) return this.#late()
    this.#turnsEndAt = turnEndsAt
    return Math.max(1, Math.ceil((turnEndsAt - now) / 1000))
  }

  #late() {
    return lateFromSeconds + Math.floor(this.#random() * (maxRetrySeconds - lateFromSeconds + 1))
  }

  /** What newcomers ask for in a usual one of the last whole seconds. */
  #usualNewcomers(now: number) {
    const thisSecond = Math.floor(now / 1000)
    const counts = Array.from(
      { length: seconds },
      (_, index) => this.#newcomers.get(thisSecond - 1 - index) ?? 0,
    )
    return Math.max(0, counts.toSorted((a, b) => a - b)[(seconds - 1) / 2] ?? 0)
  }

  #count(at: number, amount: number) {
    const second = Math.floor(at / 1000)
    const known = this.#newcomers.get(second)
    if (known === undefined) this.#forget()
    this.#newcomers.set(second, (known ?? 0) + amount)
  }

  #forget() {
    const oldest = Math.floor(this.#clock() / 1000) - seconds
    for (const second of this.#newcomers.keys()) if (second < oldest) this.#newcomers.delete(second)
  }
}
