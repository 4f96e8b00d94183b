import { areFinal, endedOutcome, hasLostRecord, isPackJob, modelKeys, readPack } from '@onqueue/shared'
import { maxAtOnce } from './upkeep.ts'
import type { Upkeep } from './upkeep.ts'

/**
 * Writes outcomes for predictions that BullMQ gave up on because their workers were lost again and again. Those that are
 * seen to join the completed ones, so that each is looked at once, however many there are.
 */
export const endLost = async (upkeep: Upkeep, model: string) => {
  const { redis, namespace, clock, isClosed } = upkeep
  const keys = modelKeys(namespace, model)
  const [failed, completed] = [keys.queue('failed'), keys.queue('completed')]
  let ids: string[]
  do {
    ids = await redis.zrange(failed, '0', String(maxAtOnce - 1))
    if (ids.length === 0) return
    const final = await areFinal({ redis, namespace }, model, ids)
    await Promise.all(ids.filter((_, index) => !final[index]).map((id) => endLostJob(upkeep, model, id)))
    const now = clock()
    await redis
      .multi()
      .zadd(completed, ...ids.flatMap((id) => [now, id]))
      .zrem(failed, ids)
      .exec()
  } while (ids.length === maxAtOnce && !isClosed())
}

/** That of one prediction, or of a pack, of which some may have ended. */
const endLostJob = async (upkeep: Upkeep, model: string, jobId: string) => {
  const { redis, namespace, clock, outcomes, log, queues } = upkeep
  const job = await queues.open(model).getJob(jobId)
  if (!job || hasLostRecord(job)) return
  const lost = isPackJob(job.data)
    ? await readPack({ redis, namespace }, jobId, job.data)
    : [{ id: jobId, job: job.data }]
  const detail = 'the workers that took it were lost, again and again; submit it again'
  const outcome = endedOutcome('failed', {
    code: 'worker_lost',
    detail,
    now: clock(),
    startedAt: job.processedOn ?? null,
    attempts: job.attemptsMade,
  })
  await Promise.all(
    lost.map(async (prediction) => {
      await outcomes.write(prediction.id, outcome, prediction.job)
      log.error(
        { predictionId: prediction.id, requestId: prediction.job.requestId, reason: job.failedReason },
        'prediction lost its workers',
      )
    }),
  )
}
