import { Job } from 'bullmq'
import { modelKeys } from './names.ts'
import { parseOutcome } from './outcome-store.ts'
import type { PredictionQueue } from './prediction-queue.ts'
import type { RedisStore } from './redis-store.ts'
import { predictionJobSchema } from '../contract/prediction-job.ts'
import type { PredictionRecord } from '../contract/prediction.ts'

/** The owner of predictions that were deleted while they ran: nobody. */
export const forgottenOwner = ''

/** Notes that a prediction which is given back waits again: BullMQ keeps when it was taken, which `takenAt` goes by. */
export const clearTakenAt = ({ redis, namespace }: RedisStore, model: string, id: string) =>
  redis.hdel(modelKeys(namespace, model).queue(id), 'processedOn')

/** A prediction of the queue's model with its outcome and its input, wherever it is kept; null where there is none. */
export const readPredictionRecord = async (
  { redis, namespace, queue }: RedisStore & { queue: PredictionQueue },
  model: string,
  id: string,
): Promise<PredictionRecord | null> => {
  const keys = modelKeys(namespace, model)
  const [job, outcomeText] = await Promise.all([Job.fromId(queue, id), redis.get(keys.outcome(id))])
  if (!job) return null
  const data = predictionJobSchema.parse(job.data)
  if (data.owner === forgottenOwner) return null
  const inputText = 'input' in data ? null : await redis.get(keys.input(id))
  return {
    id,
    job: data,
    input: 'input' in data ? data.input : inputText === null ? null : JSON.parse(inputText),
    takenAt: job.processedOn ?? null,
    outcome: outcomeText === null ? null : parseOutcome(outcomeText),
  }
}
