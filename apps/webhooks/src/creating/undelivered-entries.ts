import { modelKeys, redisScript, undeliveredMember } from '@onqueue/shared'
import type { DatedStore } from '@onqueue/shared'
import { z } from 'zod'

/** The entries of `undelivered` (undelivered.ts), or of `undeliveredBatches`, by model, as who creates deliveries uses them. */
export type UndeliveredEntries = {
  /** Takes up to `maxAtOnce` entries that are due; each is due again after 10 s, unless it is dropped. */
  takeDue(model: string, maxAtOnce: number): Promise<string[]>
  drop(model: string, member: string): Promise<void>
  /** Keeps a prediction to which its delivery may send the receiver back. */
  hold(model: string, predictionId: string): Promise<void>
}

/** How long an entry is left to the process that took it. */
const leaseMs = 10_000
/**
 * When a held prediction is looked at again, at the latest: a process that died after its delivery had ended did not let go
 * of it. In half of the time at the earliest, so that holds which began together are not all looked at together.
 */
const maxHoldMs = 3_600_000

export const createUndeliveredEntries = ({
  redis,
  namespace,
  clock,
  random = Math.random,
  kind = 'undelivered',
}: DatedStore & {
  random?: () => number
  kind?: 'undelivered' | 'undeliveredBatches'
}): UndeliveredEntries => {
  const undeliveredOf = (model: string) => modelKeys(namespace, model)[kind]
  const takeUndelivered = takeScript.on(redis)
  const holdPrediction = holdScript.on(redis)

  return {
    takeDue: (model, maxAtOnce) => {
      const now = clock()
      return takeUndelivered.run({
        keys: { undelivered: undeliveredOf(model) },
        args: { now, leaseUntil: now + leaseMs, maxAtOnce },
      })
    },
    drop: async (model, member) => void (await redis.zrem(undeliveredOf(model), member)),
    hold: async (model, predictionId) => {
      await holdPrediction.run({
        keys: { undelivered: undeliveredOf(model) },
        args: {
          lookAt: clock() + Math.round((maxHoldMs * (1 + random())) / 2),
          member: undeliveredMember.held(predictionId),
        },
      })
    },
  }
}

/** Both may run in a Redis that is full, as what is not delivered can't be swept. */
const takeScript = redisScript({
  name: 'takeUndelivered',
  keys: ['undelivered'],
  args: ['now', 'leaseUntil', 'maxAtOnce'],
  reply: z.array(z.string()),
  allowOom: true,
  lua: `
local members = redis.call('ZRANGEBYSCORE', undelivered, '-inf', now, 'LIMIT', 0, maxAtOnce)
for _, member in ipairs(members) do redis.call('ZADD', undelivered, leaseUntil, member) end
return members`,
})

const holdScript = redisScript({
  name: 'holdPrediction',
  keys: ['undelivered'],
  args: ['lookAt', 'member'],
  reply: z.number(),
  allowOom: true,
  lua: `return redis.call('ZADD', undelivered, lookAt, member)`,
})
