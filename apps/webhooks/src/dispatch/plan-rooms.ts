import { ownerOfEndpoint } from '@onqueue/shared'
import { allowedInFlight } from '../attempts/retry-policy.ts'
import type { Circuit } from '../attempts/retry-policy.ts'
import type { EndpointRoom } from '../schedule/delivery-schedule.ts'

/** When to look again at what waits for other attempts of its owner. */
const ownerPauseMs = 500

/**
 * How many deliveries may be taken of each endpoint that is due, in the order in which they have waited:
 *
 * - `maxInFlight` attempts in all, of which one owner has half at the most: one with many slow receivers leaves the other
 *   half to the others;
 * - `maxPerEndpoint` to one endpoint, one where its circuit is open, and none before `notBefore`.
 *
 * An endpoint that has to wait for one of its own attempts, or of all, is left out: it stays due, and whoever ends makes
 * us look again. Pure; times are ms.
 */
export const planRooms = ({
  endpoints,
  inFlight,
  circuitOf,
  maxInFlight,
  maxPerEndpoint,
  now,
}: {
  endpoints: readonly string[]
  /** endpoints with attempts under way, and how many */
  inFlight: ReadonlyMap<string, number>
  circuitOf: (endpoint: string) => Circuit
  maxInFlight: number
  maxPerEndpoint: number
  now: number
}): EndpointRoom[] => {
  const maxPerOwner = Math.ceil(maxInFlight / 2)
  const ofOwner = countByOwner(inFlight)
  let left = maxInFlight - sumOf(inFlight.values())

  return endpoints.flatMap((endpoint) => {
    const circuit = circuitOf(endpoint)
    if (circuit.notBefore > now) return [{ endpoint, room: 0, lookAt: circuit.notBefore }]
    const endpointLeft = allowedInFlight(circuit, maxPerEndpoint) - (inFlight.get(endpoint) ?? 0)
    if (endpointLeft <= 0 || left <= 0) return []
    const owner = ownerOfEndpoint(endpoint)
    const ownerCount = ofOwner.get(owner) ?? 0
    const ownerLeft = maxPerOwner - ownerCount
    if (ownerLeft <= 0) return [{ endpoint, room: 0, lookAt: now + ownerPauseMs }]
    const room = Math.min(endpointLeft, left, ownerLeft)
    left -= room
    ofOwner.set(owner, ownerCount + room)
    return [{ endpoint, room, lookAt: now }]
  })
}

const countByOwner = (inFlight: ReadonlyMap<string, number>) => {
  const counts = new Map<string, number>()
  for (const [endpoint, count] of inFlight) {
    counts.set(ownerOfEndpoint(endpoint), (counts.get(ownerOfEndpoint(endpoint)) ?? 0) + count)
  }
  return counts
}

const sumOf = (counts: Iterable<number>) => [...counts].reduce((sum, count) => sum + count, 0)
