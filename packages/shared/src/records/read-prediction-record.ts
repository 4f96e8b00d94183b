import { Job } from 'bullmq'
import { modelKeys } from '../redis/names.ts'
import type { PredictionQueue } from './prediction-queue.ts'
import { readOutcomes } from './read-outcomes.ts'
import type { RedisStore } from '../redis/redis-store.ts'
import { predictionJobSchema } from '../contract/prediction-job.ts'
import type { PredictionRecord } from '../contract/prediction.ts'
import { StoredJson } from '../contract/stored-json.ts'

/** The owner of predictions that were deleted while they ran: nobody. */
export const forgottenOwner = ''

/** BullMQ makes a job of a place in its queue of which Redis has lost the record: one without data. */
export const hasLostRecord = ({ data }: Pick<Job<object>, 'data'>) => Object.keys(data).length === 0

/** Notes that a prediction which is given back waits again: BullMQ keeps when it was taken, which `takenAt` goes by. */
export const clearTakenAt = ({ redis, namespace }: RedisStore, model: string, id: string) =>
  redis.hdel(modelKeys(namespace, model).queue(id), 'processedOn')

/**
 * A prediction of the queue's model with its outcome and its input; null where there is none. An input or an output that is
 * long is a `StoredJson`.
 */
export const readPredictionRecord = async (
  { redis, namespace, queue }: RedisStore & { queue: PredictionQueue },
  model: string,
  id: string,
): Promise<PredictionRecord | null> => {
  const [job, [outcome = null]] = await Promise.all([
    Job.fromId(queue, id),
    readOutcomes({ redis, namespace }, model, [id]),
  ])
  if (!job || hasLostRecord(job)) return null
  const data = predictionJobSchema.parse(job.data)
  if (data.owner === forgottenOwner) return null
  return {
    id,
    job: data,
    input: 'input' in data ? data.input : await storedInput({ redis, namespace }, model, id),
    takenAt: job.processedOn ?? null,
    outcome,
  }
}

/** The input of a prediction that keeps it beside its job; null where it is gone. */
const storedInput = async ({ redis, namespace }: RedisStore, model: string, id: string) => {
  const bytes = await redis.strlen(modelKeys(namespace, model).input(id))
  return bytes === 0 ? null : inputOf({ redis, namespace }, { model, id, bytes })
}

/** The input that was written beside a job. */
export const inputOf = (
  { redis, namespace }: RedisStore,
  { model, id, bytes }: { model: string; id: string; bytes: number },
) => {
  const key = modelKeys(namespace, model).input(id)
  return new StoredJson(bytes, (start, end) => redis.getrangeBuffer(key, start, end - 1))
}
