import { createOpenPack, hadNoEffect, isRedisAway, rowsOf } from '@onqueue/shared'
import type { PredictionQueues, RedisClock, RedisStore } from '@onqueue/shared'
import { CameLate, queueUnavailable } from '../../redis/prediction-queues.ts'
import type { AbandonedSubmits } from '../abandoned-submits.ts'
import { maxLatenessMs } from '../submit-guard.ts'
import type { PackMembers } from './pack-submits.ts'

/**
 * Puts a pack into the queue, with its job in one step. Throws as the enqueue of one prediction does (enqueue-prediction.ts), but
 * for what Redis was told and did not answer: that is left as it is, since each caller is told of his own prediction. Resolves to the
 * ids of those whose idempotency key another prediction has: they are not in it.
 */
type EnqueuePack = (packId: string, members: PackMembers, attempts: number) => Promise<readonly string[]>

export const createEnqueuePack = ({
  redis,
  namespace,
  queues,
  redisClock,
  abandoned,
}: RedisStore & {
  queues: PredictionQueues
  redisClock: Pick<RedisClock, 'adjust' | 'earliest'>
  abandoned: AbandonedSubmits
}): EnqueuePack => {
  const openPack = createOpenPack({ redis, namespace })

  return async (packId, members, attempts) => {
    const { model, owner } = members[0].job
    const queue = queues.open(model)
    const sentAt = performance.now()
    const latestAt = redisClock.earliest() + maxLatenessMs
    const opened = await openPack(queue, { packId, members, attempts }, latestAt).catch((err: unknown) => {
      if (hadNoEffect(err)) throw queueUnavailable(err)
      // one with a key is found by whoever retries its submit
      if (isRedisAway(err) && members[0].claim === undefined) {
        const rows = members.reduce((sum, { job }) => sum + rowsOf(job), 0)
        abandoned.add({ id: packId, model, owner, rows, isPack: true, sentAt })
      }
      throw err
    })
    if (!opened.isLate) return opened.leftOut
    // judged by a clock that may have been set since it was last read
    redisClock.adjust()
    throw new CameLate()
  }
}
