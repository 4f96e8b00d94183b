import { levelOf } from '@onqueue/shared'
import type { Logger } from '@onqueue/shared'
import type { AttemptResult } from '../attempts/attempt-result.ts'
import type { MakeAttempt } from '../attempts/make-attempt.ts'
import { afterAttempt, closedCircuit, slowdownOf } from '../attempts/retry-policy.ts'
import type { Circuit } from '../attempts/retry-policy.ts'
import type { DeliverySchedule, LeasedDelivery } from '../schedule/delivery-schedule.ts'
import { planRooms } from './plan-rooms.ts'

type Options = {
  schedule: DeliverySchedule
  attempt: MakeAttempt
  maxInFlight: number
  maxPerEndpoint: number
  /** how long an endpoint that seems to be down is left alone at the most */
  maxOpenMs: number
  log: Logger
  /** Redis', as of the schedule */
  clock: () => number
}

const pollMs = 500
const maxEndpointsAtOnce = 100
/** What is known of an endpoint is forgotten when it was not dialled for so long. */
const maxIdleMs = 600_000

/**
 * Keeps attempts under way: takes what is due, as much as fits, and no more of one endpoint than it can take, so that
 * one that is slow or dead never holds up another. What a process knows of an endpoint's health is its own.
 */
export class Dispatcher {
  readonly #options: Options
  readonly #timer: NodeJS.Timeout
  readonly #underWay = new Set<Promise<void>>()
  /** endpoints with attempts under way, and how many */
  readonly #inFlight = new Map<string, number>()
  /** endpoints whose circuit is not simply closed; `usedAt`: when an attempt last ended (ms) */
  readonly #known = new Map<string, { circuit: Circuit; usedAt: number }>()
  #round: Promise<void> | undefined
  #isWoken = false
  #isClosed = false

  constructor(options: Options) {
    this.#options = options
    this.#timer = setInterval(() => {
      this.#forgetIdle()
      this.wake()
    }, pollMs)
  }

  /** Looks for due deliveries now; also looks by itself every half second. */
  wake() {
    this.#isWoken = true
    if (this.#isClosed || this.#round) return
    this.#round = this.#takeWhileWoken().finally(() => {
      this.#round = undefined
      // woken between the last look and here
      if (this.#isWoken) this.wake()
    })
  }

  inFlight() {
    return this.#underWay.size
  }

  /** Takes no more, and resolves when what is under way has ended, or `graceMs` is over. */
  async close(graceMs: number) {
    this.#isClosed = true
    clearInterval(this.#timer)
    await this.#round
    const grace = new Promise((resolve) => setTimeout(resolve, graceMs).unref())
    await Promise.race([Promise.all(this.#underWay), grace])
  }

  async #takeWhileWoken() {
    while (this.#isWoken && !this.#isClosed) {
      this.#isWoken = false
      await this.#take().catch((err: unknown) =>
        this.#options.log[levelOf(err)]({ err }, 'deliveries could not be taken'),
      )
    }
  }

  async #take() {
    const { schedule, maxInFlight, maxPerEndpoint } = this.#options
    if (this.#underWay.size >= maxInFlight) return
    // those that are full stay at the front, and must not hide the others
    const maxEndpoints = maxEndpointsAtOnce + this.#inFlight.size
    const endpoints = await schedule.dueEndpoints(maxEndpoints)
    const rooms = planRooms({
      endpoints,
      inFlight: this.#inFlight,
      circuitOf: (endpoint) => this.#circuitOf(endpoint),
      maxInFlight,
      maxPerEndpoint,
      now: this.#options.clock(),
    })
    if (rooms.length === 0) return
    for (const delivery of await schedule.take(rooms)) this.#start(delivery)
    // more may be due where these came from
    const isMoreDue = rooms.some(({ room }) => room > 0) || endpoints.length === maxEndpoints
    if (isMoreDue && this.#underWay.size < maxInFlight) this.#isWoken = true
  }

  #start(delivery: LeasedDelivery) {
    const running = this.#run(delivery).finally(() => {
      this.#underWay.delete(running)
      this.wake()
    })
    this.#underWay.add(running)
  }

  /** Never rejects. */
  async #run(delivery: LeasedDelivery) {
    const { attempt, maxOpenMs, log } = this.#options
    const { endpoint } = delivery
    this.#inFlight.set(endpoint, (this.#inFlight.get(endpoint) ?? 0) + 1)
    try {
      const result = await attempt(delivery)
      this.#remember(
        endpoint,
        circuitAfter(this.#circuitOf(endpoint), result, { now: this.#options.clock(), maxOpenMs }),
      )
    } catch (err) {
      log[levelOf(err)]({ err, deliveryId: delivery.record.id }, 'attempt could not be noted')
      this.#remember(endpoint, this.#circuitOf(endpoint))
    }
    const left = (this.#inFlight.get(endpoint) ?? 0) - 1
    if (left > 0) this.#inFlight.set(endpoint, left)
    else this.#inFlight.delete(endpoint)
  }

  #circuitOf(endpoint: string) {
    return this.#known.get(endpoint)?.circuit ?? closedCircuit
  }

  #remember(endpoint: string, circuit: Circuit) {
    if (circuit === closedCircuit) this.#known.delete(endpoint)
    else this.#known.set(endpoint, { circuit, usedAt: this.#options.clock() })
  }

  #forgetIdle() {
    const before = this.#options.clock() - maxIdleMs
    for (const [endpoint, { circuit, usedAt }] of this.#known) {
      const isIdle = !this.#inFlight.has(endpoint) && Math.max(circuit.notBefore, usedAt) < before
      if (isIdle) this.#known.delete(endpoint)
    }
  }
}

const circuitAfter = (
  circuit: Circuit,
  result: AttemptResult,
  { now, maxOpenMs }: { now: number; maxOpenMs: number },
): Circuit => {
  const after = afterAttempt(circuit, result, now, maxOpenMs)
  const notBefore = Math.max(after.notBefore, slowdownOf(result, now) ?? 0)
  return notBefore === after.notBefore ? after : { ...after, notBefore }
}
