import { z } from 'zod'
import { endpointAt } from '../contract/endpoint.ts'
import { deliveryKeys } from '../redis/names.ts'
import { redisScript } from '../redis/redis-script.ts'
import type { DatedStore } from '../redis/redis-store.ts'

/** The endpoints of deliveries: where an owner's webhooks go, and how they do. */
export type EndpointStore = {
  isPaused(endpoint: string): Promise<boolean>
  /** The owner's, last used first. */
  endpoints(owner: string): Promise<Endpoint[]>
  /** Ends the pause of an owner's origin. Resolves to false where nothing was ever sent there. */
  resume(owner: string, origin: string): Promise<boolean>
}

/** An owner's origin. Times are ms. */
export type Endpoint = {
  origin: string
  /** deliveries that wait for it */
  waiting: number
  failingSince: number | null
  pausedAt: number | null
}

const maxEndpoints = 1000

export const createEndpointStore = ({ redis, namespace, clock }: DatedStore): EndpointStore => {
  const keys = deliveryKeys(namespace)
  const resumeEndpoint = resumeScript.on(redis)

  const readEndpoint = async (owner: string, origin: string): Promise<Endpoint> => {
    const endpoint = endpointAt(owner, origin)
    const [[failingSince = null, pausedAt = null], waiting] = await Promise.all([
      redis.hmget(keys.endpoint(endpoint), 'failingSince', 'pausedAt'),
      redis.zcard(keys.schedule(endpoint)),
    ])
    return { origin, waiting, failingSince: toMs(failingSince), pausedAt: toMs(pausedAt) }
  }

  return {
    isPaused: async (endpoint) => (await redis.hexists(keys.endpoint(endpoint), 'pausedAt')) === 1,
    endpoints: async (owner) => {
      const origins = await redis.zrevrange(keys.origins(owner), 0, maxEndpoints - 1)
      return Promise.all(origins.map((origin) => readEndpoint(owner, origin)))
    },
    resume: async (owner, origin) => {
      const endpoint = endpointAt(owner, origin)
      const reply = await resumeEndpoint.run({
        keys: {
          origins: keys.origins(owner),
          state: keys.endpoint(endpoint),
          schedule: keys.schedule(endpoint),
          endpoints: keys.endpoints,
        },
        args: { origin, endpoint, now: clock() },
      })
      return reply === 1
    },
  }
}

const toMs = (text: string | null) => (text === null ? null : Number(text))

const resumeScript = redisScript({
  name: 'resumeEndpoint',
  keys: ['origins', 'state', 'schedule', 'endpoints'],
  args: ['origin', 'endpoint', 'now'],
  reply: z.union([z.literal(0), z.literal(1)]),
  allowOom: true,
  lua: `
if not redis.call('ZSCORE', origins, origin) then return 0 end
redis.call('DEL', state)
if redis.call('EXISTS', schedule) == 1 then redis.call('ZADD', endpoints, now, endpoint) end
return 1`,
})
