import { deliveryIdOf, forgottenOwner, modelKeys, redisScript, undeliveredMember } from '@onqueue/shared'
import type {
  DeliveryStore,
  Outcome,
  PredictionQueue,
  PredictionQueues,
  PredictionRecord,
  RedisStore,
} from '@onqueue/shared'
import type { Redis } from 'ioredis'
import { z } from 'zod'
import type { CancelPrediction } from './cancel-prediction.ts'

/**
 * Forgets a prediction: cancels it if it isn't final, and removes its job, input, output and listing. Its idempotency
 * claim stays, so that a replay is told 410 and doesn't run it again. Webhooks about it that have not arrived are
 * recalled; an attempt under way may still arrive.
 *
 * Its outcome is not removed but emptied: a *tombstone*, written before anything else goes. A worker may still hold the
 * prediction (even one that froze and wakes up later), and a tombstone is what keeps it from writing its output after
 * all. It goes by itself after an hour; a worker doesn't hold on for longer.
 *
 * A job that is being run can't be removed from BullMQ, and must not be: its worker completes it. Such a job loses its
 * input and its owner, which hides it from everybody, and the sweeper takes it later together with its tombstone.
 *
 * One of a pack leaves that, but for its tombstone; the last one takes the pack and its job along.
 */
export type ForgetPrediction = (record: PredictionRecord) => Promise<void>

const tombstoneTtlMs = 3_600_000

export const createForgetPrediction =
  ({
    redis,
    namespace,
    queues,
    deliveries,
    cancel,
    retentionMs,
  }: RedisStore & {
    queues: PredictionQueues
    deliveries: DeliveryStore
    cancel: CancelPrediction
    /** how long its job may stay, where that has to be left to the sweeper */
    retentionMs: number
  }): ForgetPrediction =>
  async (record) => {
    const { id, job } = record
    const keys = modelKeys(namespace, job.model)
    const queue = queues.open(job.model)
    // nobody is to be told of it any more
    const { webhook: _webhook, ...silent } = job
    const { outcome } = await cancel({ ...record, job: silent }, 'deleted by its owner')
    await redis.zrem(keys.undelivered, undeliveredMember.completed(id), undeliveredMember.start(id))
    if (job.packId !== undefined) {
      await recall(deliveries, id)
      return forgetInPack({ id, packId: job.packId, owner: job.owner, outcome }, { redis, keys, queue })
    }
    if (outcome) {
      // it goes by itself in any case: whoever removes it earlier may die before
      await redis.set(keys.outcome(id), tombstone(outcome), 'PX', retentionMs + tombstoneTtlMs)
    }
    await recall(deliveries, id)
    await Promise.all([
      redis.del(keys.input(id)),
      redis.zrem(keys.index(job.owner), id),
      redis.zrem(keys.deadlines, id),
    ])
    if ((await queue.remove(id)) === 1) {
      await redis.pexpire(keys.outcome(id), tombstoneTtlMs)
      return
    }
    const running = await queue.getJob(id)
    const { input: _, packId: _none, ...withoutInput } = job
    await running?.updateData({ ...withoutInput, owner: forgottenOwner, metadata: {} })
  }

const forgetInPack = async (
  { id, packId, owner, outcome }: { id: string; packId: string; owner: string; outcome: Outcome | null },
  { redis, keys, queue }: { redis: Redis; keys: ReturnType<typeof modelKeys>; queue: PredictionQueue },
) => {
  const pack = keys.pack(packId)
  const kept = await forgetMember.on(redis).run({
    keys: { pack, outcome: keys.outcome(id), index: keys.index(owner), deadlines: keys.deadlines },
    args: { id, packId, tombstone: outcome === null ? '' : tombstone(outcome) },
  })
  // a worker that has it completes it, and the sweeper takes it later
  if (kept === 0 && (await queue.remove(packId)) === 1) await redis.del(pack)
}

/** Replies how many predictions the pack keeps. */
const forgetMember = redisScript({
  name: 'forgetMember',
  keys: ['pack', 'outcome', 'index', 'deadlines'],
  args: ['id', 'packId', 'tombstone'],
  reply: z.int(),
  lua: `
local number = string.sub(id, -2)
redis.call('ZREM', deadlines, id)
if redis.call('HDEL', pack, 'j' .. number) == 0 then return tonumber(redis.call('HGET', pack, 'kept') or 0) end
redis.call('HDEL', pack, 'i' .. number)
redis.call('HSET', pack, 'o' .. number, tombstone)
redis.call('DEL', outcome)
local kept = redis.call('HINCRBY', pack, 'kept', -1)
if kept == 0 then redis.call('ZREM', index, packId) end
return kept`,
})

/** What was not delivered yet won't be, and what was is forgotten too. */
const recall = async (deliveries: DeliveryStore, id: string) => {
  for (const event of ['start', 'completed'] as const) {
    const deliveryId = deliveryIdOf(id, event)
    const delivery = await deliveries.read(deliveryId)
    if (delivery) await deliveries.discard(deliveryId, delivery)
  }
}

/** Says how it ended, and nothing of what came out. */
const tombstone = (outcome: Outcome) =>
  JSON.stringify({
    ...outcome,
    output: null,
    error: outcome.error && { code: outcome.error.code, detail: 'deleted' },
  } satisfies Outcome)
