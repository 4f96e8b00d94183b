import { openPredictionQueue } from './prediction-queue.ts'
import type { PredictionQueue } from './prediction-queue.ts'
import type { RedisStore } from '../redis/redis-store.ts'

/** The BullMQ queues of the models on one connection, each opened at its first use, which leaves a key in Redis. */
export type PredictionQueues = {
  open(model: string): PredictionQueue
  close(): Promise<void>
}

export const createPredictionQueues = ({ redis, namespace }: RedisStore): PredictionQueues => {
  const queues = new Map<string, PredictionQueue>()
  return {
    open: (model) => {
      const queue = queues.get(model) ?? openPredictionQueue(redis, namespace, model)
      if (queues.has(model)) return queue
      queues.set(model, queue)
      // BullMQ asks Redis what it is, and one that was refused would fail for ever
      queue.waitUntilReady().catch(() => queues.delete(model))
      return queue
    },
    close: async () => {
      await Promise.all([...queues.values()].map((queue) => queue.close()))
      queues.clear()
    },
  }
}
