import type { Redis } from 'ioredis'
import { z } from 'zod'
import { endpointOf, parseDelivery } from '../contract/delivery.ts'
import type { DeliveryAbout, DeliveryRecord } from '../contract/delivery.ts'
import { deliveryKeys, modelKeys } from './names.ts'
import { modelOfPredictionId } from '../contract/prediction-id.ts'

/**
 * Deliveries in Redis: making them, reading them, and what their owner can do with them. Attempts are made from the
 * schedule, by apps/webhooks alone.
 */
export type DeliveryStore = {
  /** Makes a delivery that is due at once, and resolves to true; to false when it was made before: then nothing changes. */
  create(id: string, about: DeliveryAbout, body: string): Promise<boolean>
  read(id: string): Promise<DeliveryRecord | null>
  /**
   * Attempts a delivery again from the start of the schedule; one that is pending is only due at once. `body` is for one
   * that was delivered, whose frozen body is gone: without it nothing happens to such a one.
   */
  redeliver(
    id: string,
    about: DeliveryAbout,
    body: string | null,
  ): Promise<'due' | 'not-found' | 'body-needed'>
  /** Removes a delivery with its body; it is not attempted any more. Resolves to false when there was none. */
  discard(id: string, about: DeliveryAbout): Promise<boolean>
  /** The delivery has ended: a prediction that was kept for it may go. */
  release(about: DeliveryAbout): Promise<void>
  /** Has what is due attempted at once, rather than when somebody looks next. */
  announce(): Promise<void>
  isPaused(endpoint: string): Promise<boolean>
  endpoints(owner: string): Promise<Endpoint[]>
  /** Ends the pause of an owner's origin. Resolves to false where nothing was ever sent there. */
  resume(owner: string, origin: string): Promise<boolean>
  /** Bytes of the owner's frozen bodies. */
  frozenBytes(owner: string): Promise<number>
}

/** An owner's origin. Times are ms. */
export type Endpoint = {
  origin: string
  /** deliveries that wait for it */
  waiting: number
  failingSince: number | null
  pausedAt: number | null
}

export const createDeliveryStore = ({
  redis,
  namespace,
  clock = Date.now,
}: {
  redis: Redis
  namespace: string
  clock?: () => number
}): DeliveryStore => {
  const keys = deliveryKeys(namespace)
  redis.defineCommand('createDelivery', { numberOfKeys: 7, lua: createScript })
  redis.defineCommand('discardDelivery', { numberOfKeys: 7, lua: discardScript })
  redis.defineCommand('resumeEndpoint', { numberOfKeys: 4, lua: resumeScript })
  redis.defineCommand('redeliver', { numberOfKeys: 7, lua: redeliverScript })

  const announce = async () => void (await redis.publish(keys.notices, ''))

  const release = async ({ predictionId, holdsPrediction }: DeliveryAbout) => {
    const model = predictionId === null ? undefined : modelOfPredictionId(predictionId)
    if (!holdsPrediction || model === undefined) return
    await redis.zrem(modelKeys(namespace, model).undelivered, `${predictionId}:held`)
  }

  const keysOf = (id: string, about: DeliveryAbout) => ({
    delivery: keys.delivery(id),
    body: keys.body(id),
    schedule: keys.schedule(endpointOf(about)),
    index: keys.index(about.owner),
    origins: keys.origins(about.owner),
    bytes: keys.bytes(about.owner),
  })

  return {
    create: async (id, about, text) => {
      const { delivery, body, schedule, index, origins, bytes } = keysOf(id, about)
      const reply = await redis.createDelivery(
        delivery,
        body,
        schedule,
        keys.endpoints,
        index,
        origins,
        bytes,
        id,
        endpointOf(about),
        new URL(about.url).origin,
        clock(),
        JSON.stringify(about),
        about.createdAt,
        text,
      )
      return reply === 1
    },
    read: async (id) => parseDelivery(id, await redis.hgetall(keys.delivery(id))),
    redeliver: async (id, about, text) => {
      const { delivery, body, schedule, bytes } = keysOf(id, about)
      const reply = await redis.redeliver(
        delivery,
        body,
        schedule,
        keys.endpoints,
        keys.delivered,
        keys.failed,
        bytes,
        id,
        endpointOf(about),
        clock(),
        text ?? '',
      )
      if (reply === 'due') await announce()
      return redeliverReplySchema.parse(reply)
    },
    discard: async (id, about) => {
      const { delivery, body, schedule, index, bytes } = keysOf(id, about)
      const reply = await redis.discardDelivery(
        delivery,
        body,
        schedule,
        index,
        keys.delivered,
        keys.failed,
        bytes,
        id,
      )
      await release(about)
      return reply === 1
    },
    release,
    announce,
    isPaused: async (endpoint) => (await redis.hexists(keys.endpoint(endpoint), 'pausedAt')) === 1,
    endpoints: async (owner) => {
      const origins = await redis.zrevrange(keys.origins(owner), 0, 999)
      return Promise.all(
        origins.map(async (origin) => {
          const endpoint = `${owner} ${origin}`
          const [[failingSince = null, pausedAt = null], waiting] = await Promise.all([
            redis.hmget(keys.endpoint(endpoint), 'failingSince', 'pausedAt'),
            redis.zcard(keys.schedule(endpoint)),
          ])
          return { origin, waiting, failingSince: toMs(failingSince), pausedAt: toMs(pausedAt) }
        }),
      )
    },
    resume: async (owner, origin) => {
      const endpoint = `${owner} ${origin}`
      const reply = await redis.resumeEndpoint(
        keys.origins(owner),
        keys.endpoint(endpoint),
        keys.schedule(endpoint),
        keys.endpoints,
        origin,
        endpoint,
        clock(),
      )
      await announce()
      return reply === 1
    },
    frozenBytes: async (owner) => Number((await redis.get(keys.bytes(owner))) ?? 0),
  }
}

const redeliverReplySchema = z.enum(['due', 'not-found', 'body-needed'])

const toMs = (text: string | null) => (text === null ? null : Number(text))

/** Allowed in a Redis that is full: what was made can be delivered, and then its prediction can go. */
const createScript = `#!lua flags=allow-oom
local delivery, body, schedule, endpoints, index, origins, bytes = unpack(KEYS)
local id, endpoint, origin, now, about, createdAt, text = unpack(ARGV)
if redis.call('EXISTS', delivery) == 1 then return 0 end
redis.call('HSET', delivery, 'about', about, 'status', 'pending', 'attempts', '[]', 'tries', 0, 'nextAt', now)
redis.call('SET', body, text)
redis.call('INCRBY', bytes, #text)
redis.call('ZADD', index, createdAt, id)
redis.call('ZADD', origins, now, origin)
redis.call('ZREMRANGEBYRANK', origins, 0, -1001)
redis.call('ZADD', schedule, now, id)
redis.call('ZADD', endpoints, 'LT', now, endpoint)
return 1`

const redeliverScript = `
local delivery, body, schedule, endpoints, delivered, failed, bytes = unpack(KEYS)
local id, endpoint, now, text = unpack(ARGV)
local status = redis.call('HGET', delivery, 'status')
if not status then return 'not-found' end
if status == 'delivered' and text == '' then return 'body-needed' end
if status ~= 'pending' then
  if text ~= '' then
    local before = redis.call('STRLEN', body)
    redis.call('SET', body, text)
    redis.call('INCRBY', bytes, #text - before)
  end
  redis.call('HSET', delivery, 'status', 'pending', 'tries', 0)
  redis.call('HDEL', delivery, 'endedAt')
  redis.call('ZREM', delivered, id)
  redis.call('ZREM', failed, id)
end
redis.call('HSET', delivery, 'nextAt', now)
redis.call('ZADD', schedule, now, id)
redis.call('ZADD', endpoints, 'LT', now, endpoint)
return 'due'`

const resumeScript = `#!lua flags=allow-oom
local origins, state, schedule, endpoints = unpack(KEYS)
local origin, endpoint, now = unpack(ARGV)
if not redis.call('ZSCORE', origins, origin) then return 0 end
redis.call('DEL', state)
if redis.call('EXISTS', schedule) == 1 then redis.call('ZADD', endpoints, now, endpoint) end
return 1`

const discardScript = `#!lua flags=allow-oom
local delivery, body, schedule, index, delivered, failed, bytes = unpack(KEYS)
redis.call('DECRBY', bytes, redis.call('STRLEN', body))
redis.call('ZREM', schedule, ARGV[1])
redis.call('ZREM', index, ARGV[1])
redis.call('ZREM', delivered, ARGV[1])
redis.call('ZREM', failed, ARGV[1])
redis.call('DEL', body)
return redis.call('DEL', delivery)`

declare module 'ioredis' {
  // oxlint-disable-next-line no-unused-vars -- must repeat ioredis' own parameter to merge with it
  interface RedisCommander<Context> {
    createDelivery(...args: (string | number)[]): Promise<unknown>
    discardDelivery(...args: (string | number)[]): Promise<unknown>
    resumeEndpoint(...args: (string | number)[]): Promise<unknown>
    redeliver(...args: (string | number)[]): Promise<unknown>
  }
}
