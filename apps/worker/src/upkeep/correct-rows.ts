import { z } from 'zod'
import { modelKeys, redisScript } from '@onqueue/shared'
import type { RedisStore } from '@onqueue/shared'

/**
 * Makes a function that corrects the count of waiting rows of a model whose queue is empty: a submit adds its weight
 * together with its job, so an empty queue has none.
 */
export const createRowCorrection = ({ redis, namespace }: RedisStore) => {
  const forgetRows = forgetRowsOfEmptyQueue.on(redis)
  return async (model: string) => {
    const { extraRows, queue } = modelKeys(namespace, model)
    await forgetRows.run({
      keys: {
        extraRows,
        waiting: queue('wait'),
        active: queue('active'),
        delayed: queue('delayed'),
        prioritized: queue('prioritized'),
      },
      args: {},
    })
  }
}

/** Atomic, so that no submit comes between the look at the queue and the correction. */
const forgetRowsOfEmptyQueue = redisScript({
  name: 'forgetRowsOfEmptyQueue',
  keys: ['extraRows', 'waiting', 'active', 'delayed', 'prioritized'],
  args: [],
  reply: z.int(),
  lua: `
if redis.call('EXISTS', waiting, active, delayed, prioritized) > 0 then return 0 end
return redis.call('DEL', extraRows)`,
})
