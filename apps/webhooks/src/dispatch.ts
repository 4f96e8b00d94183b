import type { Logger } from '@onqueue/shared'
import type { DeliverySchedule, LeasedDelivery } from './delivery-schedule.ts'
import type { AttemptResult } from './http-attempt.ts'
import type { MakeAttempt } from './make-attempt.ts'
import { afterAttempt, allowedInFlight, closedCircuit, slowdownOf } from './retry-policy.ts'
import type { Circuit } from './retry-policy.ts'

/**
 * Keeps attempts under way: takes what is due, as much as fits, and no more of one endpoint than it can take, so that
 * one that is slow or dead never holds up another. What a process knows of an endpoint's health is its own.
 */
export type Dispatcher = {
  /** Looks for due deliveries now; also looks by itself every half second. */
  wake(): void
  inFlight(): number
  /** Takes no more, and resolves when what is under way has ended, or `graceMs` is over. */
  close(graceMs: number): Promise<void>
}

type Pace = { circuit: Circuit; inFlight: number }

const pollMs = 500
const endpointsAtOnce = 100

export const createDispatcher = ({
  schedule,
  attempt,
  maxInFlight,
  maxPerEndpoint,
  maxOpenMs,
  log,
  clock = Date.now,
}: {
  schedule: DeliverySchedule
  attempt: MakeAttempt
  maxInFlight: number
  maxPerEndpoint: number
  /** how long an endpoint that seems to be down is left alone at the most */
  maxOpenMs: number
  log: Logger
  clock?: () => number
}): Dispatcher => {
  const paces = new Map<string, Pace>()
  const underWay = new Set<Promise<void>>()
  let isClosed = false
  let round: Promise<void> | undefined
  let isWoken = false

  const paceOf = (endpoint: string) => {
    const pace = paces.get(endpoint) ?? { circuit: closedCircuit, inFlight: 0 }
    paces.set(endpoint, pace)
    return pace
  }

  const roomOf = (endpoint: string, left: number) => {
    const { circuit, inFlight } = paceOf(endpoint)
    const now = clock()
    const isOpen = circuit.notBefore > now
    const room = isOpen ? 0 : Math.max(0, Math.min(allowedInFlight(circuit, maxPerEndpoint) - inFlight, left))
    return { endpoint, room, lookAt: isOpen ? circuit.notBefore : now }
  }

  const take = async () => {
    let left = maxInFlight - underWay.size
    if (left <= 0) return
    const endpoints = await schedule.dueEndpoints(endpointsAtOnce)
    if (endpoints.length === 0) return
    const rooms = endpoints
      .map((endpoint) => {
        const room = roomOf(endpoint, left)
        left -= room.room
        return room
      })
      // one that is full is looked at again when one of its attempts ends
      .filter(({ room, lookAt }) => room > 0 || lookAt > clock())
    if (rooms.length === 0) return
    for (const delivery of await schedule.take(rooms)) start(delivery)
    // more may be due where these came from
    if (rooms.some(({ room }) => room > 0) && underWay.size < maxInFlight) isWoken = true
  }

  const start = (delivery: LeasedDelivery) => {
    const pace = paceOf(delivery.endpoint)
    pace.inFlight += 1
    const running = attempt(delivery)
      .then(
        (result) => (pace.circuit = circuitAfter(pace.circuit, result)),
        (err: unknown) => log.warn({ err, deliveryId: delivery.record.id }, 'attempt could not be noted'),
      )
      .then(() => {
        pace.inFlight -= 1
        if (pace.inFlight === 0 && pace.circuit === closedCircuit) paces.delete(delivery.endpoint)
        underWay.delete(running)
        wake()
      })
    underWay.add(running)
  }

  const circuitAfter = (circuit: Circuit, result: AttemptResult): Circuit => {
    const now = clock()
    const after = afterAttempt(circuit, result, now, maxOpenMs)
    const notBefore = Math.max(after.notBefore, slowdownOf(result, now) ?? 0)
    return notBefore === after.notBefore ? after : { ...after, notBefore }
  }

  const wake = () => {
    isWoken = true
    if (isClosed || round) return
    round = (async () => {
      while (isWoken && !isClosed) {
        isWoken = false
        await take().catch((err: unknown) => log.warn({ err }, 'deliveries could not be taken'))
      }
    })().finally(() => {
      round = undefined
      // woken between the last look and here
      if (isWoken) wake()
    })
  }

  const timer = setInterval(wake, pollMs)

  return {
    wake,
    inFlight: () => underWay.size,
    close: async (graceMs) => {
      isClosed = true
      clearInterval(timer)
      await round
      const grace = new Promise((resolve) => setTimeout(resolve, graceMs).unref())
      await Promise.race([Promise.all(underWay), grace])
    },
  }
}
