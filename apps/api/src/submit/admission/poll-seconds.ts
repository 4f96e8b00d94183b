import type { ModelEntry, PredictionRecord, QueuePlace } from '@onqueue/shared'
import type { ModelCatalog } from '../../models/model-catalog.ts'
import { maxRetrySeconds } from './sent-away.ts'

/** When to look for a prediction that nobody runs right now: a worker may be starting. */
const unknownSeconds = 2
/** From here on it is worth a question to Redis how much of the backlog is before it, and not behind. */
const worthLookingSeconds = 5

/** Whole seconds, 1 to 60, after which a prediction that was submitted just now may be done: what a 202 says. */
export const createPollSeconds =
  ({
    models,
    backlogSeconds,
    placeOf,
  }: {
    models: Pick<ModelCatalog, 'get'>
    backlogSeconds: (entry: ModelEntry) => Promise<number | null>
    placeOf: (record: PredictionRecord) => Promise<QueuePlace | undefined>
  }) =>
  async (record: PredictionRecord): Promise<number> => {
    const entry = models.get(record.job.model)
    const seconds = entry ? await backlogSeconds(entry) : null
    if (seconds === null) return unknownSeconds
    if (seconds < worthLookingSeconds || record.job.priority === 'low') return toRetrySeconds(seconds)
    // it is accepted, whatever Redis says to this
    const place = await placeOf(record).catch(() => undefined)
    return toRetrySeconds(place?.etaSeconds ?? seconds)
  }

const toRetrySeconds = (seconds: number) => Math.min(maxRetrySeconds, Math.max(1, Math.ceil(seconds)))
