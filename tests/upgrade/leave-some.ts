import { modelKeys } from '@onqueue/shared'
import { createClient } from '../support/client.ts'
import type { StackProcess } from '../support/stack.ts'
import { toRequest } from './filling.ts'
import type { Filling } from './filling.ts'
import { both, expectStatus, flowers, thin } from './finish-some.ts'
import { listRedis } from './redis-listing.ts'
import type { Listing } from './redis-listing.ts'
import { until } from './until.ts'

/**
 * A worker dies with predictions in hand. It is frozen first, so that it gets no further meanwhile. Resolves to the keys
 * that soon go by themselves.
 */
export const interruptSome = async (filling: Filling, worker: StackProcess): Promise<Listing> => {
  const { submit, clients, origins, stack } = filling
  const { billing } = clients
  const row = (n: number) => ({ owner: 'billing', model: 'slow', input: { n: [n] } }) as const
  const webhook = `${origins.up}/slow`
  await submit('interrupted', { ...row(1500), fields: { webhook, ...both } })
  await submit('interrupted before it ran', row(1))
  const canceled = await submit('interrupted and canceled', { ...row(2), fields: { webhook } })
  const deleted = await submit('interrupted and deleted', { ...row(3), idempotencyKey: 'order-3' })
  const { queue } = modelKeys(stack.prefix, 'slow')
  await until('the worker has them', async () => (await stack.redis.llen(queue('active'))) === 4)
  worker.signal('SIGSTOP')

  await expectStatus(billing.call('POST', `/v1/predictions/${canceled}/cancel`), 200)
  await expectStatus(billing.call('DELETE', `/v1/predictions/${deleted}`), 204)
  const listing = await listRedis(stack.redis, stack.prefix)
  worker.signal('SIGKILL')
  await worker.ended
  return Object.fromEntries(Object.entries(listing).filter(([key, { ttlMs }]) => isShortLived(key, ttlMs)))
}

/** Locks, heartbeats, and the sets of those who have one. Whatever else expires is kept for an hour or longer. */
export const isShortLived = (key: string, ttlMs: number | undefined) =>
  (ttlMs !== undefined && ttlMs < 60_000) || key.endsWith(':workers')

/** It is of a definition that its worker, the only one then, does not have. */
export const haveOneSentBack = async ({ submit, stack }: Filling) => {
  await submit('sent back', { model: 'moved', input: { i: 5 } })
  const folder = await stack.modelsFolder([
    { name: 'moved', of: 'throws', settings: 'description: Another definition' },
  ])
  const other = await stack.startWorker({ ONQUEUE_MODELS_DIR: folder })
  const { queue } = modelKeys(stack.prefix, 'moved')
  await until('it was sent back', async () => (await stack.redis.zcard(queue('delayed'))) === 1)
  await other.stop()
}

/** No worker and no webhooks process is there. */
export const queueSome = async ({ submit, clients, origins: { up } }: Filling) => {
  const { anonymous, billing } = clients
  // one after the other, as their order in the queue is part of what they answer
  await submit('queued', { input: { i: 4 } })
  await submit('queued, high', { input: { i: 5 }, fields: { priority: 'high' } })
  await submit('queued, low', { owner: 'search', input: { i: 6 }, fields: { priority: 'low' } })
  await submit('queued, deadline', { input: { i: 7 }, cancelAfter: '480h' })
  await submit('queued, array', { owner: 'billing', input: [{ i: 1 }, { i: 2 }, { i: 3 }] })
  await submit('queued, large', { model: 'flowers', input: flowers(500) })
  await submit('queued, keyed', { input: { i: 8 }, idempotencyKey: 'order-2' })
  await submit('queued, webhook', {
    owner: 'billing',
    input: { i: 9 },
    fields: { webhook: `${up}/queued`, ...both },
  })
  await submit('queued, thin', {
    owner: 'search',
    input: { i: -1 },
    fields: { webhook: `${up}/queued`, ...thin },
  })
  await submit('to cancel', { owner: 'billing', input: { i: 0 }, fields: { webhook: `${up}/canceled` } })
  await submit('to delete', { owner: 'billing', input: { i: 0 }, idempotencyKey: 'order-4' })

  const canceled = await submit('canceled', {
    owner: 'billing',
    input: { i: 0 },
    fields: { webhook: `${up}/canceled` },
  })
  await expectStatus(billing.call('POST', `/v1/predictions/${canceled}/cancel`), 200)
  const deleted = await submit('deleted', { owner: 'billing', input: { i: 0 }, idempotencyKey: 'order-5' })
  await expectStatus(billing.call('DELETE', `/v1/predictions/${deleted}`), 204)
  const expired = await submit('expired', {
    input: { i: 0 },
    fields: { webhook: `${up}/expired` },
    cancelAfter: '0.05',
  })
  // nobody but the API is there to end it, and it does so when it is asked
  await until('it is expired', async () => {
    return (await anonymous.get(`/v1/predictions/${expired}`)).body.status === 'expired'
  })
}

/**
 * An API that is let do nothing but plain commands from some moment on: it takes the claim of an idempotency key, can't
 * add the job, and can't take the claim back either.
 */
export const leaveClaim = async ({ stack, predictions }: Filling) => {
  const { redis, prefix, redisUrl } = stack
  const user = `${prefix}-api`
  await redis.call('ACL', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all')
  const url = Object.assign(new URL(redisUrl), { username: user, password: 'secret' }).href
  const api = await stack.startApi({ REDIS_URL: url })
  await redis.call('ACL', 'SETUSER', user, '-eval', '-evalsha', '-del')
  const request = toRequest({ input: { i: 3 }, idempotencyKey: 'order-6' })
  await expectStatus(createClient(api.url).submit('throws', request.body.input, {}, request.headers), 503)
  await api.stop()
  await redis.call('ACL', 'DELUSER', user)

  const { claim, queue } = modelKeys(prefix, 'throws')
  const ids = (await redis.keys(claim('*'))).map((key) => key.slice(claim('').length))
  const left = await Promise.all(ids.map(async (id) => ((await redis.exists(queue(id))) === 0 ? [id] : [])))
  const known = new Set([...predictions.values()].map(({ id }) => id))
  const id = left.flat().find((one) => !known.has(one))
  if (id === undefined) throw new Error('no claim was left behind')
  predictions.set('claimed, never added', { ...request, id })
}
