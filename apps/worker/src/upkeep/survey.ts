import { z } from 'zod'
import { modelKeys, redisScript } from '@onqueue/shared'
import type { RedisStore } from '@onqueue/shared'

/** What there is to do for a model. */
export type Survey = {
  /** deadlines have passed */
  hasOverdue: boolean
  /** BullMQ gave up on predictions */
  hasLost: boolean
  /** some wait, are held, or are counted as if they did */
  hasRows: boolean
  /** some finished so long ago that they go */
  hasAged: boolean
}

/** There is nothing to do. */
export const isIdle = ({ hasOverdue, hasLost, hasRows, hasAged }: Survey) =>
  !hasOverdue && !hasLost && !hasRows && !hasAged

/** Most models have nothing to do most of the time: a look at all of them is one way to Redis. */
export const surveyModels = async (
  { redis, namespace }: RedisStore,
  models: readonly string[],
  { now, before }: { now: number; before: number },
): Promise<Map<string, Survey | Error>> => {
  const script = surveyModel.on(redis)
  const pipeline = redis.pipeline()
  for (const model of models) {
    const { deadlines, extraRows, queue } = modelKeys(namespace, model)
    const keys = {
      deadlines,
      extraRows,
      failed: queue('failed'),
      completed: queue('completed'),
      waiting: queue('wait'),
      active: queue('active'),
      delayed: queue('delayed'),
      prioritized: queue('prioritized'),
    }
    script.addTo(pipeline, { keys, args: { now, before } })
  }
  const replies = (await pipeline.exec()) ?? []
  return new Map(
    models.map((model, index) => {
      const [err, reply] = replies[index] ?? [new Error('redis did not answer')]
      return [model, err ?? toSurvey(surveyReply.parse(reply))]
    }),
  )
}

const surveyReply = z.tuple([z.int(), z.int(), z.int(), z.int()])

const toSurvey = ([overdue, lost, rows, aged]: z.infer<typeof surveyReply>): Survey => ({
  hasOverdue: overdue > 0,
  hasLost: lost > 0,
  hasRows: rows > 0,
  hasAged: aged > 0,
})

const surveyModel = redisScript({
  name: 'surveyModel',
  keys: ['deadlines', 'extraRows', 'failed', 'completed', 'waiting', 'active', 'delayed', 'prioritized'],
  args: ['now', 'before'],
  reply: surveyReply,
  lua: `
local function countOld(key, max)
  return #redis.call('ZRANGEBYSCORE', key, '-inf', max, 'LIMIT', 0, 1)
end
local rows = redis.call('LLEN', waiting) + redis.call('LLEN', active) + redis.call('ZCARD', delayed)
  + redis.call('ZCARD', prioritized) + redis.call('EXISTS', extraRows)
return {countOld(deadlines, now), redis.call('ZCARD', failed), rows, countOld(completed, '(' .. before) + countOld(failed, '(' .. before)}`,
})
