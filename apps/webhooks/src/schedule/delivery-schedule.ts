import { deliveryKeys, endpointOf, parseDelivery } from '@onqueue/shared'
import type { DeliveryAttempt, DeliveryRecord, Logger } from '@onqueue/shared'
import type { Redis } from 'ioredis'

/**
 * The schedule of attempts, in Redis: each endpoint has its deliveries by when they are due, and a list of endpoints
 * says when to look at which.
 *
 * Taking a delivery leases it: it is due again when the lease is over, so that one whose process died is taken by another.
 * Only who holds the lease can say that an attempt failed; that it was delivered anybody can say, since it is true.
 */
export type DeliverySchedule = {
  /** Endpoints with something due, the longest waiting first. */
  dueEndpoints(limit: number): Promise<string[]>
  /** Leases due deliveries: from each endpoint as many as it has room, oldest first. */
  take(endpoints: EndpointRoom[]): Promise<LeasedDelivery[]>
  settle(delivery: LeasedDelivery, verdict: Verdict): Promise<Settled>
  /** Leaves an endpoint alone until it is resumed; nothing happens when it is not failing since then any more. */
  pause(endpoint: string, failingSince: number | null): Promise<void>
}

/** `lookAt`: when to look again where more is due than there is room for, in ms. */
type EndpointRoom = { endpoint: string; room: number; lookAt: number }

export type LeasedDelivery = { record: DeliveryRecord; body: Buffer; leaseUntil: number; endpoint: string }

export type Verdict = {
  attempts: DeliveryAttempt[]
  tries: number
} & ({ kind: 'delivered' } | { kind: 'failed' } | { kind: 'retry'; at: number })

/**
 * `isMine` is false when another process has taken it since. Of the endpoint: since when (ms) it has had nothing but
 * failures, and how many.
 */
type Settled = { isMine: boolean; failingSince: number | null; failures: number }

/** Longer than an attempt and what goes before and after it can take. */
export const leaseSlackMs = 15_000

export const createDeliverySchedule = ({
  redis,
  namespace,
  leaseMs,
  log,
  clock = Date.now,
}: {
  redis: Redis
  namespace: string
  leaseMs: number
  log: Logger
  clock?: () => number
}): DeliverySchedule => {
  const keys = deliveryKeys(namespace)
  redis.defineCommand('takeDeliveries', { numberOfKeys: 1, lua: takeScript })
  redis.defineCommand('settleDelivery', { numberOfKeys: 1, lua: settleScript })

  const readLeased = async (endpoint: string, id: string, leaseUntil: number): Promise<LeasedDelivery[]> => {
    const [fields, body] = await Promise.all([
      redis.hgetall(keys.delivery(id)),
      redis.getBuffer(keys.body(id)),
    ])
    const record = parseDelivery(id, fields)
    if (record && body) return [{ record, body, leaseUntil, endpoint }]
    // without a record or a body there is nothing that could be sent
    await redis.zrem(keys.schedule(endpoint), id)
    return []
  }

  return {
    dueEndpoints: (limit) => redis.zrangebyscore(keys.endpoints, '-inf', clock(), 'LIMIT', 0, limit),
    take: async (endpoints) => {
      const now = clock()
      const leaseUntil = now + leaseMs
      const taken = await redis.takeDeliveries(
        keys.endpoints,
        keys.prefix,
        now,
        leaseUntil,
        ...endpoints.flatMap(({ endpoint, room, lookAt }) => [endpoint, room, lookAt]),
      )
      const pairs = Array.from(
        { length: taken.length / 2 },
        (_, index) => [taken[2 * index] ?? '', taken[2 * index + 1] ?? ''] as const,
      )
      const read = pairs.map(([endpoint, id]) =>
        readLeased(endpoint, id, leaseUntil).catch((err: unknown) => {
          // of another release, say: the others must go on, and this one is tried again when its lease is over
          log.error({ err, deliveryId: id }, 'delivery could not be read')
          return []
        }),
      )
      return (await Promise.all(read)).flat()
    },
    settle: async ({ record, leaseUntil }, verdict) => {
      const [isMine, failingSince, failures] = await redis.settleDelivery(
        keys.endpoints,
        keys.prefix,
        record.id,
        endpointOf(record),
        record.owner,
        leaseUntil,
        clock(),
        verdict.kind,
        verdict.kind === 'retry' ? verdict.at : '',
        JSON.stringify(verdict.attempts),
        verdict.tries,
      )
      return {
        isMine: isMine === '1',
        failingSince: failingSince ? Number(failingSince) : null,
        failures: Number(failures ?? 0),
      }
    },
    pause: async (endpoint, failingSince) => {
      // whoever takes from it next takes it off the list
      await redis.eval(pauseScript, 1, keys.endpoint(endpoint), failingSince ?? '', clock())
    },
  }
}

/**
 * Allowed in a Redis that is full: delivering is what makes room in it.
 *
 * ARGV: prefix, now, end of the leases, then endpoint, room and when to look again. Returns pairs of endpoint and id.
 */
const takeScript = `#!lua flags=allow-oom
local prefix, now, leaseUntil = unpack(ARGV)
local taken = {}
for i = 4, #ARGV, 3 do
  local endpoint, room, lookAt = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local schedule = prefix .. 'schedule:' .. endpoint
  local isPaused = redis.call('HEXISTS', prefix .. 'endpoint:' .. endpoint, 'pausedAt') == 1
  if room > 0 and not isPaused then
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', schedule, '-inf', now, 'LIMIT', 0, room)) do
      redis.call('ZADD', schedule, leaseUntil, id)
      table.insert(taken, endpoint)
      table.insert(taken, id)
    end
  end
  local first = redis.call('ZRANGE', schedule, 0, 0, 'WITHSCORES')[2]
  if isPaused or not first then redis.call('ZREM', KEYS[1], endpoint)
  else redis.call('ZADD', KEYS[1], math.max(tonumber(first), lookAt), endpoint) end
end
return taken`

/** As above. ARGV: prefix, id, endpoint, owner, lease, now, verdict, time of the retry, attempts, tries. */
const settleScript = `#!lua flags=allow-oom
local prefix, id, endpoint, owner, leaseUntil, now, verdict, retryAt, attempts, tries = unpack(ARGV)
local delivery, schedule = prefix .. 'delivery:' .. id, prefix .. 'schedule:' .. endpoint
local state = prefix .. 'endpoint:' .. endpoint
local lease = redis.call('ZSCORE', schedule, id)
local isMine = lease and tonumber(lease) == tonumber(leaseUntil)
local status = redis.call('HGET', delivery, 'status')
if not status or status == 'delivered' or (verdict ~= 'delivered' and not isMine) then
  return {'0', unpack(redis.call('HMGET', state, 'failingSince', 'failures'))}
end

redis.call('HSET', delivery, 'attempts', attempts, 'tries', tries)
if verdict == 'retry' then
  redis.call('HSET', delivery, 'nextAt', retryAt)
  redis.call('ZADD', schedule, retryAt, id)
else
  redis.call('HSET', delivery, 'status', verdict, 'endedAt', now)
  redis.call('HDEL', delivery, 'nextAt')
  redis.call('ZREM', schedule, id)
  redis.call('ZREM', prefix .. 'failed', id)
  redis.call('ZADD', prefix .. verdict, now, id)
end
if verdict == 'delivered' then
  local body = prefix .. 'body:' .. id
  redis.call('DECRBY', prefix .. 'bytes:' .. owner, redis.call('STRLEN', body))
  redis.call('DEL', body)
  redis.call('HDEL', state, 'failingSince', 'failures')
else
  redis.call('HSETNX', state, 'failingSince', now)
  redis.call('HINCRBY', state, 'failures', 1)
end

local first = redis.call('ZRANGE', schedule, 0, 0, 'WITHSCORES')[2]
if first and redis.call('HEXISTS', state, 'pausedAt') == 0 then redis.call('ZADD', KEYS[1], first, endpoint)
else redis.call('ZREM', KEYS[1], endpoint) end
return {'1', unpack(redis.call('HMGET', state, 'failingSince', 'failures'))}`

/** KEYS[1] state of the endpoint; ARGV: since when it was seen to fail, now. */
const pauseScript = `#!lua flags=allow-oom
if redis.call('HGET', KEYS[1], 'failingSince') == ARGV[1] then redis.call('HSETNX', KEYS[1], 'pausedAt', ARGV[2]) end`

declare module 'ioredis' {
  // oxlint-disable-next-line no-unused-vars -- must repeat ioredis' own parameter to merge with it
  interface RedisCommander<Context> {
    takeDeliveries(...args: (string | number)[]): Promise<string[]>
    settleDelivery(...args: (string | number)[]): Promise<[string, string | null, string | null]>
  }
}
