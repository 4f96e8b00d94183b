import type { DeliveryAbout } from './delivery.ts'

/**
 * An *endpoint* is an owner's origin, as text: the owner, a space, the origin. Deliveries to one share their fate: they are
 * slowed down, paused and resumed together.
 */
export const endpointAt = (owner: string, origin: string) => `${owner} ${origin}`

/** The endpoint of a delivery. */
export const endpointOf = ({ owner, url }: Pick<DeliveryAbout, 'owner' | 'url'>) =>
  endpointAt(owner, new URL(url).origin)

/** An origin has no space; the name of an owner may. */
export const ownerOfEndpoint = (endpoint: string) => endpoint.slice(0, endpoint.lastIndexOf(' '))
