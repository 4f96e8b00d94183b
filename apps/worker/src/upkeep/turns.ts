/** So many models are looked at in every round; of more of them, those that have nothing to do wait for their turn. */
const alwaysLookedAt = 20
/** After so many rounds each has had its turn. */
const mostRounds = 5

/**
 * Which models the janitor looks at in a round. Most of many have nothing to do for hours, and looking at all of them every second
 * would cost a worker that rests more than anything else.
 */
export class Turns {
  readonly #idle = new Set<string>()
  #round = 0

  /** The first is always among them. */
  next(models: readonly string[]) {
    const rounds = Math.min(mostRounds, Math.ceil(models.length / alwaysLookedAt))
    this.#round += 1
    return models.filter(
      (model, index) => index === 0 || !this.#idle.has(model) || (index + this.#round) % rounds === 0,
    )
  }

  /** As it was found when it was looked at. */
  found(model: string, { isIdle }: { isIdle: boolean }) {
    if (isIdle) this.#idle.add(model)
    else this.#idle.delete(model)
  }
}
