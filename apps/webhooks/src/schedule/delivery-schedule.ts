import { deliveryKeys, endpointOf, levelOf, parseDelivery, redisScript } from '@onqueue/shared'
import type { DatedStore, DeliveryAttempt, DeliveryRecord, Logger } from '@onqueue/shared'
import { z } from 'zod'
import { settleDelivery } from './settle-delivery.ts'
import { takeDeliveries } from './take-deliveries.ts'

/**
 * The schedule of attempts, in Redis: each endpoint has its deliveries by when they are due, and a list of endpoints
 * says when to look at which.
 *
 * Taking a delivery leases it: it is due again when the lease is over, so that one whose process died is taken by another.
 * Only who holds the lease can say that an attempt failed; that it was delivered anybody can say, since it is true.
 */
export type DeliverySchedule = {
  /** Endpoints with something due, the longest waiting first. */
  dueEndpoints(maxEndpoints: number): Promise<string[]>
  /** Leases due deliveries: from each endpoint as many as it has room, oldest first. */
  take(rooms: EndpointRoom[]): Promise<LeasedDelivery[]>
  settle(delivery: LeasedDelivery, verdict: Verdict): Promise<Settled>
  /** Leaves an endpoint alone until it is resumed; nothing happens when it is not failing since then any more. */
  pause(endpoint: string, failingSince: number | null): Promise<void>
}

/** `lookAt`: when to look again where more is due than there is room for, in ms. */
export type EndpointRoom = { endpoint: string; room: number; lookAt: number }

export type LeasedDelivery = { record: DeliveryRecord; body: Buffer; leaseUntil: number; endpoint: string }

export type Verdict = {
  attempts: DeliveryAttempt[]
  tries: number
} & ({ kind: 'delivered' } | { kind: 'failed' } | { kind: 'retry'; at: number })

/**
 * `isNoted` is false where another process has taken it since, or it was delivered or removed before. Of the endpoint:
 * since when (ms) it has had nothing but failures, and how many.
 */
type Settled = { isNoted: boolean; failingSince: number | null; failures: number }

/** Longer than an attempt and what goes before and after it can take. */
export const leaseSlackMs = 15_000

export const createDeliverySchedule = ({
  redis,
  namespace,
  clock,
  leaseMs,
  onBodyLost = () => undefined,
  log,
}: DatedStore & {
  leaseMs: number
  onBodyLost?: () => void
  log: Logger
}): DeliverySchedule => {
  const keys = deliveryKeys(namespace)
  const takeDue = takeDeliveries.on(redis)
  const settleOne = settleDelivery.on(redis)
  const pauseOne = pauseEndpoint.on(redis)

  const settle: DeliverySchedule['settle'] = ({ record, leaseUntil }, verdict) => {
    const { id, owner } = record
    const endpoint = endpointOf(record)
    return settleOne.run({
      keys: {
        delivery: keys.delivery(id),
        body: keys.body(id),
        schedule: keys.schedule(endpoint),
        endpoints: keys.endpoints,
        state: keys.endpoint(endpoint),
        delivered: keys.delivered,
        failed: keys.failed,
        bytes: keys.bytes(owner),
      },
      args: {
        id,
        endpoint,
        leaseUntil,
        now: clock(),
        verdict: verdict.kind,
        retryAt: verdict.kind === 'retry' ? verdict.at : '',
        attempts: JSON.stringify(verdict.attempts),
        tries: verdict.tries,
      },
    })
  }

  const readLeased = async (endpoint: string, id: string, leaseUntil: number): Promise<LeasedDelivery[]> => {
    const [fields, body] = await Promise.all([
      redis.hgetall(keys.delivery(id)),
      redis.getBuffer(keys.body(id)),
    ])
    const record = parseDelivery(id, fields)
    if (record && body) return [{ record, body, leaseUntil, endpoint }]
    // without a record or a body there is nothing that could be sent
    if (record) await failWithoutBody({ record, body: Buffer.alloc(0), leaseUntil, endpoint })
    else await redis.zrem(keys.schedule(endpoint), id)
    return []
  }

  /** Its owner sees it, and can have it made again of the prediction. */
  const failWithoutBody = async (delivery: LeasedDelivery) => {
    const { id, attempts, tries } = delivery.record
    log.error({ deliveryId: id }, 'redis has lost the body of a delivery: it failed')
    onBodyLost()
    const error = 'its body was lost before it was sent: redeliver it'
    const attempt = {
      at: new Date(clock()).toISOString(),
      status_code: null,
      duration: 0,
      error,
      response_head: null,
    }
    await settle(delivery, { kind: 'failed', tries, attempts: [...attempts, attempt] })
  }

  return {
    dueEndpoints: (maxEndpoints) =>
      redis.zrangebyscore(keys.endpoints, '-inf', clock(), 'LIMIT', 0, maxEndpoints),
    take: async (rooms) => {
      const now = clock()
      const leaseUntil = now + leaseMs
      const taken = await takeDue.run({
        keys: { endpoints: keys.endpoints },
        args: { now, leaseUntil },
        moreKeys: rooms.flatMap(({ endpoint }) => [keys.schedule(endpoint), keys.endpoint(endpoint)]),
        moreArgs: rooms.flatMap(({ endpoint, room, lookAt }) => [endpoint, room, lookAt]),
      })
      const read = taken.map(([endpoint, id]) =>
        readLeased(endpoint, id, leaseUntil).catch((err: unknown) => {
          // of another release, say: the others must go on, and this one is tried again when its lease is over
          log[levelOf(err)]({ err, deliveryId: id }, 'delivery could not be read')
          return []
        }),
      )
      return (await Promise.all(read)).flat()
    },
    settle,
    pause: async (endpoint, failingSince) => {
      // whoever takes from it next takes it off the list
      await pauseOne.run({
        keys: { state: keys.endpoint(endpoint) },
        args: { failingSince: failingSince ?? '', now: clock() },
      })
    },
  }
}

const pauseEndpoint = redisScript({
  name: 'pauseEndpoint',
  keys: ['state'],
  args: ['failingSince', 'now'],
  reply: z.unknown(),
  allowOom: true,
  lua: `if redis.call('HGET', state, 'failingSince') == failingSince then redis.call('HSETNX', state, 'pausedAt', now) end`,
})
