import { hasLostRecord, missedDeadline, modelKeys, readOutcomes } from '@onqueue/shared'
import { maxAtOnce } from './upkeep.ts'
import type { Upkeep } from './upkeep.ts'

/**
 * Ends the predictions of a model whose deadline has passed, and moves them to the front of the queue to be cleared away.
 */
export const endOverdue = async (upkeep: Upkeep, model: string) => {
  const { redis, namespace, isClosed } = upkeep
  const { deadlines } = modelKeys(namespace, model)
  let ids: string[]
  do {
    ids = await redis.zrangebyscore(deadlines, '-inf', Date.now(), 'LIMIT', 0, maxAtOnce)
    if (ids.length === 0) return
    const known = await readOutcomes({ redis, namespace }, model, ids)
    const settled = await Promise.all(
      ids.map(async (id, index) => known[index] !== null || endIfOverdue(upkeep, model, id)),
    )
    const done = ids.filter((_, index) => settled[index])
    if (done.length > 0) await redis.zrem(deadlines, ...done)
    if (done.length < ids.length) return
  } while (ids.length === maxAtOnce && !isClosed())
}

/** Resolves to false while a worker has it, which is to end it itself. */
const endIfOverdue = async ({ outcomes, log, queues }: Upkeep, model: string, id: string) => {
  const job = await queues.open(model).getJob(id)
  if (!job || hasLostRecord(job)) return true
  const { deadline, requestId } = job.data
  // not by `processedOn` alone, which a prediction that waits for its next attempt has too
  const takenAt = (await job.isActive()) ? (job.processedOn ?? null) : null
  const missed = missedDeadline({ deadline, takenAt, now: Date.now() })
  if (!missed) return false
  const { won } = await outcomes.write(id, missed, job.data)
  if (won) log.info({ predictionId: id, requestId, status: missed.status }, 'deadline passed')
  // it may have been taken or finished just now, and then needs no clearing away
  if (takenAt === null) await job.changePriority({ priority: 0, lifo: true }).catch(() => undefined)
  return true
}
