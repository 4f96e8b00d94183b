import { AppError, arePacksTaken, isRedisAway, newPredictionId, rowsOf } from '@onqueue/shared'
import type { PredictionJobData, PredictionQueues, RedisClock, RedisStore } from '@onqueue/shared'
import type { ModelCatalog } from '../../models/model-catalog.ts'
import type { AbandonedSubmits } from '../abandoned-submits.ts'
import type { CountSubmits } from '../add-prediction.ts'
import type { CheckedSubmission } from '../check-submission.ts'
import { outcomeUnknown } from '../enqueue-prediction.ts'
import type { EnqueuePrediction } from '../enqueue-prediction.ts'
import { createEnqueuePack } from './enqueue-pack.ts'
import { packRowsOf } from './pack-rows.ts'
import { createPackSubmits } from './pack-submits.ts'
import type { ClaimOf, Joined } from './pack-submits.ts'

/** Puts predictions into the queue under new ids: together, where they are short and light and everybody reads packs, or else alone. */
export type EnqueueTogether = {
  enqueue: (checked: CheckedSubmission) => Joined
  /** Whether `enqueueClaiming` takes it. */
  takesClaims: (checked: CheckedSubmission) => boolean
  /** The same, and takes the claim of its idempotency key in the same step, unless another prediction has it. */
  enqueueClaiming: (checked: CheckedSubmission, claimOf: ClaimOf) => Joined
}

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
      const leftOut = await enqueuePack(packId, members, attempts)
      count.countPacked(members[0].job.model, members.length - leftOut.length)
      return leftOut
    },
  })
  const areRead = () => arePacksRead() && arePacksTaken(models.list())
  const maxRowsOf = ({ model, digest }: PredictionJobData) => packRowsOf(models.get(model), digest)
  const join = (
    { job, attempts }: CheckedSubmission,
    inputText: string,
    { maxRows, claimOf }: { maxRows: number; claimOf?: ClaimOf },
  ): Joined => {
    const { id, enqueued } = packs.join({ job, inputText, attempts, maxRows, claimOf })
    const isKeyed = claimOf !== undefined
    return { id, enqueued: enqueued.catch((err: unknown) => Promise.reject(asUnknown(id, isKeyed, err))) }
  }

  return {
    enqueue: (checked) => {
      const { job, shortInput, largeInput, attempts } = checked
      const maxRows = shortInput !== null && areRead() ? maxRowsOf(job) : 1
      if (shortInput !== null && rowsOf(job) < maxRows) return join(checked, shortInput, { maxRows })
      const id = newPredictionId(job.model, job.createdAt)
      return { id, enqueued: enqueue({ id, job, largeInput, attempts, isKeyed: false }).then(() => job) }
    },
    takesClaims: ({ shortInput }) => shortInput !== null && areRead(),
    enqueueClaiming: (checked, claimOf) =>
      join(checked, checked.shortInput ?? '', { maxRows: maxRowsOf(checked.job), claimOf }),
  }
}

/** Redis was told of the pack, and did not answer: nobody knows of any that is in it. */
const asUnknown = (id: string, isKeyed: boolean, err: unknown) =>
  !(err instanceof AppError) && isRedisAway(err) ? outcomeUnknown(id, { isKeyed, cause: err }) : err
