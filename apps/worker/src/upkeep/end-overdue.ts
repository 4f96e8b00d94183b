import { areFinal, missedDeadline, modelKeys, readPredictionRecord } from '@onqueue/shared'
import { maxAtOnce } from './upkeep.ts'
import type { Upkeep } from './upkeep.ts'

/**
 * Ends the predictions of a model whose deadline has passed, and moves them to the front of the queue to be cleared away.
 */
export const endOverdue = async (upkeep: Upkeep, model: string) => {
  const { redis, namespace, clock, isClosed } = upkeep
  const { deadlines } = modelKeys(namespace, model)
  let ids: string[]
  do {
    ids = await redis.zrangebyscore(deadlines, '-inf', clock(), 'LIMIT', 0, maxAtOnce)
    if (ids.length === 0) return
    const final = await areFinal({ redis, namespace }, model, ids)
    const settled = await Promise.all(
      ids.map(async (id, index) => final[index] || endIfOverdue(upkeep, model, id)),
    )
    const done = ids.filter((_, index) => settled[index])
    if (done.length > 0) await redis.zrem(deadlines, ...done)
    if (done.length < ids.length) return
  } while (ids.length === maxAtOnce && !isClosed())
}

/** Resolves to false while a worker has it, which is to end it itself. */
const endIfOverdue = async (upkeep: Upkeep, model: string, id: string) => {
  const { redis, namespace, clock, outcomes, log, queues } = upkeep
  const record = await readPredictionRecord({ redis, namespace }, model, id)
  if (!record) return true
  const { deadline, requestId, packId } = record.job
  const job = await queues.open(model).getJob(packId ?? id)
  // not by `processedOn` alone, which a prediction that waits for its next attempt has too
  const takenAt = (await job?.isActive()) ? (job?.processedOn ?? null) : null
  const missed = missedDeadline({ deadline, takenAt, now: clock() })
  if (!missed) return false
  const { won } = await outcomes.write(id, missed, record.job)
  if (won) log.info({ predictionId: id, requestId, status: missed.status }, 'deadline passed')
  const [isOver] = await areFinal({ redis, namespace }, model, [packId ?? id])
  // it may have been taken or finished just now, and then needs no clearing away
  if (takenAt === null && isOver)
    await job?.changePriority({ priority: 0, lifo: true }).catch(() => undefined)
  return true
}
