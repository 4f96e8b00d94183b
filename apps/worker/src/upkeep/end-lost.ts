import { endedOutcome, hasLostRecord, modelKeys, readOutcomes } from '@onqueue/shared'
import { maxAtOnce } from './upkeep.ts'
import type { Upkeep } from './upkeep.ts'

/**
 * Writes outcomes for predictions that BullMQ gave up on because their workers were lost again and again. Those that are
 * seen to join the completed ones, so that each is looked at once, however many there are.
 */
export const endLost = async (upkeep: Upkeep, model: string) => {
  const { redis, namespace, isClosed } = upkeep
  const keys = modelKeys(namespace, model)
  const [failed, completed] = [keys.queue('failed'), keys.queue('completed')]
  let ids: string[]
  do {
    ids = await redis.zrange(failed, '0', String(maxAtOnce - 1))
    if (ids.length === 0) return
    const known = await readOutcomes({ redis, namespace }, model, ids)
    await Promise.all(ids.filter((_, index) => !known[index]).map((id) => endLostOne(upkeep, model, id)))
    const now = Date.now()
    await redis
      .multi()
      .zadd(completed, ...ids.flatMap((id) => [now, id]))
      .zrem(failed, ids)
      .exec()
  } while (ids.length === maxAtOnce && !isClosed())
}

const endLostOne = async ({ outcomes, log, queues }: Upkeep, model: string, id: string) => {
  const job = await queues.open(model).getJob(id)
  if (!job || hasLostRecord(job)) return
  const detail = 'the workers that took it were lost, again and again; submit it again'
  const ended = {
    code: 'worker_lost',
    detail,
    now: Date.now(),
    startedAt: job.processedOn ?? null,
    attempts: job.attemptsMade,
  } as const
  await outcomes.write(id, endedOutcome('failed', ended), job.data)
  log.error(
    { predictionId: id, requestId: job.data.requestId, reason: job.failedReason },
    'prediction lost its workers',
  )
}
