import type { Logger } from '@onqueue/shared'
import type { DeliverySchedule, LeasedDelivery } from '../schedule/delivery-schedule.ts'
import type { AttemptResult } from '../attempts/attempt-result.ts'
import type { MakeAttempt } from '../attempts/make-attempt.ts'
import { afterAttempt, allowedInFlight, closedCircuit, slowdownOf } from '../attempts/retry-policy.ts'
import type { Circuit } from '../attempts/retry-policy.ts'

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

/** `usedAt`: when an attempt last ended, in ms. */
type Pace = { circuit: Circuit; inFlight: number; usedAt: number }

const pollMs = 500
const endpointsAtOnce = 100
/** When to look again at what waits for other attempts of its owner. */
const ownerPauseMs = 500
/** What is known of an endpoint is forgotten when it was not dialled for so long. */
const idleMs = 600_000

const ownerOf = (endpoint: string) => endpoint.slice(0, endpoint.lastIndexOf(' '))

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
  // one owner with many slow receivers leaves half of all to the others
  const maxPerOwner = Math.ceil(maxInFlight / 2)
  const paces = new Map<string, Pace>()
  const underWay = new Set<Promise<void>>()
  let isClosed = false
  let round: Promise<void> | undefined
  let isWoken = false

  const ownersInFlight = new Map<string, number>()
  const countOwner = (endpoint: string, change: 1 | -1) => {
    const owner = ownerOf(endpoint)
    const count = (ownersInFlight.get(owner) ?? 0) + change
    if (count === 0) ownersInFlight.delete(owner)
    else ownersInFlight.set(owner, count)
  }

  const paceOf = (endpoint: string) => {
    const pace = paces.get(endpoint) ?? { circuit: closedCircuit, inFlight: 0, usedAt: clock() }
    paces.set(endpoint, pace)
    return pace
  }

  /** How many attempts may start at an endpoint, and when to look at it again: null when one of its attempts ends. */
  const roomOf = (endpoint: string, left: number, ownerLeft: number) => {
    const { circuit, inFlight } = paces.get(endpoint) ?? { circuit: closedCircuit, inFlight: 0 }
    const now = clock()
    if (circuit.notBefore > now) return { endpoint, room: 0, lookAt: circuit.notBefore }
    const allowed = allowedInFlight(circuit, maxPerEndpoint) - inFlight
    if (allowed <= 0 || left <= 0) return { endpoint, room: 0, lookAt: null }
    if (ownerLeft <= 0) return { endpoint, room: 0, lookAt: now + ownerPauseMs }
    return { endpoint, room: Math.min(allowed, left, ownerLeft), lookAt: now }
  }

  const take = async () => {
    let left = maxInFlight - underWay.size
    if (left <= 0) return
    // those that are full stay at the front, and must not hide the others
    const limit = endpointsAtOnce + [...paces.values()].filter(({ inFlight }) => inFlight > 0).length
    const endpoints = await schedule.dueEndpoints(limit)
    const takenOfOwner = new Map<string, number>()
    const rooms = endpoints.flatMap((endpoint) => {
      const owner = ownerOf(endpoint)
      const taken = takenOfOwner.get(owner) ?? 0
      const { room, lookAt } = roomOf(endpoint, left, maxPerOwner - (ownersInFlight.get(owner) ?? 0) - taken)
      takenOfOwner.set(owner, taken + room)
      left -= room
      return lookAt === null ? [] : [{ endpoint, room, lookAt }]
    })
    if (rooms.length === 0) return
    for (const delivery of await schedule.take(rooms)) start(delivery)
    // more may be due where these came from
    const isMoreDue = rooms.some(({ room }) => room > 0) || endpoints.length === limit
    if (isMoreDue && underWay.size < maxInFlight) isWoken = true
  }

  const start = (delivery: LeasedDelivery) => {
    const pace = paceOf(delivery.endpoint)
    pace.inFlight += 1
    countOwner(delivery.endpoint, 1)
    const running = attempt(delivery)
      .then(
        (result) => (pace.circuit = circuitAfter(pace.circuit, result)),
        (err: unknown) => log.warn({ err, deliveryId: delivery.record.id }, 'attempt could not be noted'),
      )
      .then(() => {
        pace.inFlight -= 1
        pace.usedAt = clock()
        countOwner(delivery.endpoint, -1)
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

  const forgetIdle = () => {
    const before = clock() - idleMs
    for (const [endpoint, { circuit, inFlight, usedAt }] of paces) {
      if (inFlight === 0 && Math.max(circuit.notBefore, usedAt) < before) paces.delete(endpoint)
    }
  }
  const timer = setInterval(() => {
    forgetIdle()
    wake()
  }, pollMs)

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
