import { toFailures } from '../figures/failures.ts'
import { headerOf } from './check-delivery.ts'
import type { CheckDelivery } from './check-delivery.ts'

/** One of so many is checked: the receiver shares its cores with what it measures. */
const sampleEvery = 50

/** Counts the different deliveries that arrive. */
export class ArrivalCount {
  readonly #check: CheckDelivery
  readonly #ids = new Set<string>()
  readonly #failures: string[] = []
  #requests = 0
  #firstAt = 0
  #lastAt = 0
  #checked = 0
  #awaited = Infinity
  #onArrived = () => {}

  constructor(check: CheckDelivery) {
    this.#check = check
  }

  note(head: string, body: Buffer) {
    this.#requests += 1
    const id = headerOf(head, 'webhook-id')
    if (this.#ids.has(id)) return
    this.#ids.add(id)
    this.#lastAt = Date.now()
    if (this.#ids.size === 1) this.#firstAt = this.#lastAt
    if (this.#ids.size >= this.#awaited) this.#onArrived()
    if (this.#ids.size % sampleEvery !== 0) return
    this.#checked += 1
    try {
      this.#check(head, body)
    } catch (err) {
      this.fail(`${id}: ${String(err)}: ${body.toString().slice(0, 300)}`)
    }
  }

  fail(sentence: string) {
    this.#failures.push(sentence)
  }

  /** Resolves when so many different ones have arrived, or when it takes too long. */
  async untilArrived({ deliveries, patienceMs }: { deliveries: number; patienceMs: number }) {
    if (this.#ids.size >= deliveries) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#awaited = deliveries
    this.#onArrived = resolve
    const timer = setTimeout(resolve, patienceMs)
    await promise
    clearTimeout(timer)
  }

  report() {
    return {
      arrived: this.#ids.size,
      requests: this.#requests,
      firstAt: this.#firstAt,
      lastAt: this.#lastAt,
      checked: this.#checked,
      ...toFailures(this.#failures),
    }
  }
}
