import { AppError, arePacksTaken, isRedisAway, newPredictionId, rowsOf } from '@onqueue/shared'
import type { PredictionQueues, RedisClock, RedisStore } from '@onqueue/shared'
import type { ModelCatalog } from '../../models/model-catalog.ts'
import type { AbandonedSubmits } from '../abandoned-submits.ts'
import type { CountSubmits } from '../add-prediction.ts'
import type { CheckedSubmission } from '../check-submission.ts'
import { outcomeUnknown } from '../enqueue-prediction.ts'
import type { EnqueuePrediction } from '../enqueue-prediction.ts'
import { createEnqueuePack } from './enqueue-pack.ts'
import { packRowsOf } from './pack-rows.ts'
import { createPackSubmits } from './pack-submits.ts'
import type { Joined } from './pack-submits.ts'

/**
 * Puts predictions without an idempotency key into the queue: together, where they are short and light and everybody reads packs,
 * or else alone.
 */
export type EnqueueTogether = (checked: CheckedSubmission) => Joined

export const openPacks = ({
  redis,
  namespace,
  models,
  queues,
  redisClock,
  abandoned,
  enqueue,
  arePacksRead,
  count,
}: RedisStore & {
  models: Pick<ModelCatalog, 'get' | 'list'>
  queues: PredictionQueues
  redisClock: Pick<RedisClock, 'adjust' | 'earliest'>
  abandoned: AbandonedSubmits
  enqueue: EnqueuePrediction
  /** whether every API and webhooks process reads packs */
  arePacksRead: () => boolean
  count: Pick<CountSubmits, 'countPacked'>
}): EnqueueTogether => {
  const enqueuePack = createEnqueuePack({ redis, namespace, queues, redisClock, abandoned })
  const packs = createPackSubmits({
    sendAlone: async ({ id, job }, attempts) => {
      await enqueue({ id, job, largeInput: null, attempts, isKeyed: false, isTurnOver: true })
      count.countPacked(job.model, 1)
    },
    sendPack: async (packId, members, attempts) => {
      await enqueuePack(packId, members, attempts)
      count.countPacked(members[0].job.model, members.length)
    },
  })
  const maxRowsOf = ({ job, shortInput }: CheckedSubmission) =>
    shortInput !== null && arePacksRead() && arePacksTaken(models.list())
      ? packRowsOf(models.get(job.model), job.digest)
      : 1

  return (checked) => {
    const { job, shortInput, largeInput, attempts } = checked
    const maxRows = maxRowsOf(checked)
    if (shortInput === null || rowsOf(job) >= maxRows) {
      const id = newPredictionId(job.model, job.createdAt)
      return { id, enqueued: enqueue({ id, job, largeInput, attempts, isKeyed: false }).then(() => job) }
    }
    const { id, enqueued } = packs.join({ job, inputText: shortInput, attempts, maxRows })
    return { id, enqueued: enqueued.catch((err: unknown) => Promise.reject(asUnknown(id, err))) }
  }
}

/** Redis was told of the pack, and did not answer: nobody knows of any that is in it. */
const asUnknown = (id: string, err: unknown) =>
  !(err instanceof AppError) && isRedisAway(err) ? outcomeUnknown(id, { isKeyed: false, cause: err }) : err
