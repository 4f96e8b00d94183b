import { z } from 'zod'
import { deliveryKeys, modelKeys } from '../redis/names.ts'
import { redisScript } from '../redis/redis-script.ts'
import type { RedisStore } from '../redis/redis-store.ts'
import { undeliveredMember } from './undelivered.ts'
import { modelOfPredictionId } from '../contract/prediction-id.ts'
import { outcomeSchema } from '../contract/outcome.ts'
import type { Outcome } from '../contract/outcome.ts'
import { rowsOf } from '../contract/prediction-job.ts'
import type { PredictionJobData } from '../contract/prediction-job.ts'

/**
 * Outcomes: the one truth about how a prediction ended.
 *
 * An outcome is written once, by whoever comes first (`SET NX GET`): a worker that ran the prediction, a cancel, a
 * deadline, or the janitor for a lost worker. Who loses takes what is stored. BullMQ's lock does not fence our keys, so
 * this is also what keeps a frozen worker that wakes up from changing a result.
 *
 * Writes of one turn of the event loop leave in one pipeline with one notice a model: a micro-batch costs one round
 * trip.
 */
export type OutcomeWriter = {
  /**
   * Writes the outcome unless there is one, and resolves to the one that counts. `job` is of the prediction: its rows
   * are taken off the backlog, and where it asked for a webhook the delivery is due in the same step. Without a job
   * nobody is told.
   */
  write(
    id: string,
    outcome: Outcome,
    job: Pick<PredictionJobData, 'arrayLength' | 'webhook'> | null,
  ): Promise<{ outcome: Outcome; won: boolean }>
}

type PendingWrite = {
  id: string
  model: string
  text: string
  outcome: Outcome
  rows: number
  isDelivered: boolean
  resolve: (result: { outcome: Outcome; won: boolean }) => void
  reject: (reason: unknown) => void
}

export const createOutcomeWriter = (store: RedisStore): OutcomeWriter => {
  const endAndDeliver = endAndDeliverScript.on(store.redis)
  let pending: PendingWrite[] = []

  const flush = async () => {
    const writes = pending
    pending = []
    try {
      const won = settleWrites(writes, await sendWrites(store, endAndDeliver, writes))
      await releaseExtraRows(store, won)
    } catch (err) {
      for (const write of writes) write.reject(err)
    }
  }

  return {
    write: (id, outcome, job) =>
      new Promise((resolve, reject) => {
        const model = modelOfPredictionId(id)
        if (model === undefined) throw new Error(`not a prediction id: ${id}`)
        // flush never rejects: it hands its errors to the writes
        if (pending.length === 0) setImmediate(() => void flush())
        pending.push({
          id,
          model,
          text: JSON.stringify(outcome),
          outcome,
          rows: job ? rowsOf(job) : 1,
          isDelivered: job?.webhook?.events.includes('completed') ?? false,
          resolve,
          reject,
        })
      }),
  }
}

export const parseOutcome = (text: string): Outcome => outcomeSchema.parse(JSON.parse(text))

const sendWrites = async (
  { redis, namespace }: RedisStore,
  endAndDeliver: ReturnType<(typeof endAndDeliverScript)['on']>,
  writes: PendingWrite[],
) => {
  const pipeline = redis.pipeline()
  for (const { id, model, text, isDelivered } of writes) {
    const { outcome, undelivered } = modelKeys(namespace, model)
    if (isDelivered) {
      endAndDeliver.addTo(pipeline, {
        keys: { outcome: outcome(id), undelivered },
        args: { text, member: undeliveredMember.completed(id), now: Date.now() },
      })
    } else pipeline.set(outcome(id), text, 'NX', 'GET')
  }
  for (const [model, group] of Map.groupBy(writes, (write) => write.model)) {
    pipeline.publish(modelKeys(namespace, model).notices, group.map((write) => write.id).join(','))
    if (group.some(({ isDelivered }) => isDelivered)) {
      pipeline.publish(deliveryKeys(namespace).notices, model)
    }
  }
  return (await pipeline.exec()) ?? []
}

/** `SET NX GET` whose winner also makes the delivery due: a prediction can't end without it, whoever dies where. */
const endAndDeliverScript = redisScript({
  name: 'endAndDeliver',
  keys: ['outcome', 'undelivered'],
  args: ['text', 'member', 'now'],
  reply: z.string().nullable(),
  lua: `
local stored = redis.call('SET', outcome, text, 'NX', 'GET')
if not stored then redis.call('ZADD', undelivered, now, member) end
return stored`,
})

/** Settles the writes and returns those that won. */
const settleWrites = (writes: PendingWrite[], replies: [error: Error | null, result: unknown][]) => {
  const won: PendingWrite[] = []
  for (const [index, write] of writes.entries()) {
    const [err, stored] = replies[index] ?? [new Error('Redis answered fewer commands than were sent'), null]
    if (err) write.reject(err)
    // a write that was sent again after a lost connection finds its own text
    else if (stored === null || stored === write.text) {
      won.push(write)
      write.resolve({ outcome: write.outcome, won: true })
    } else settleLost(write, stored)
  }
  return won
}

/** One stored outcome that can't be read (of another release, say) must not fail the writes beside it. */
const settleLost = (write: PendingWrite, stored: unknown) => {
  try {
    write.resolve({ outcome: parseOutcome(typeof stored === 'string' ? stored : ''), won: false })
  } catch (err) {
    write.reject(err)
  }
}

/** Only who ended a prediction takes its weight off the backlog, so that it is taken off once. */
const releaseExtraRows = async ({ redis, namespace }: RedisStore, won: PendingWrite[]) => {
  for (const [model, group] of Map.groupBy(won, (write) => write.model)) {
    const extraRows = group.reduce((sum, write) => sum + write.rows - 1, 0)
    if (extraRows > 0) await redis.decrby(modelKeys(namespace, model).extraRows, extraRows)
  }
}
