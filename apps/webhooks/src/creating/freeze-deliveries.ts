import {
  deliveryIdOf,
  modelKeys,
  openPredictionQueue,
  readPredictionRecord,
  webhookBody,
} from '@onqueue/shared'
import type {
  DeliveryStore,
  Logger,
  Prediction,
  PredictionQueue,
  PredictionRecord,
  WebhookRequest,
} from '@onqueue/shared'
import type { Redis } from 'ioredis'

/**
 * Makes deliveries of what is due: predictions that ended, or started, with a webhook.
 *
 * A prediction's outcome and its entry in `undelivered` are written in one step, and the entry goes only when its
 * delivery is there, with the body that every attempt will send. A process that dies in between leaves the entry, which
 * is due again 10 s later; making the same delivery twice changes nothing.
 */
export type Freezer = {
  /** Freezes everything of a model that is due. */
  freeze(model: string): Promise<void>
  close(): Promise<void>
}

const atOnce = 100
/** How long an entry is left to the process that took it. */
const leaseMs = 10_000
/** Longer than a delivery takes from its first to its last attempt. Then it is looked at again. */
const holdMs = 100 * 3_600_000

/** Allowed in a Redis that is full, as what is not delivered can't be swept. */
const takeDue = `#!lua flags=allow-oom
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, id in ipairs(ids) do redis.call('ZADD', KEYS[1], ARGV[2], id) end
return ids`

const holdPrediction = `#!lua flags=allow-oom
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])`

export const createFreezer = ({
  redis,
  namespace,
  deliveries,
  show,
  log,
  onFrozen,
  clock = Date.now,
}: {
  redis: Redis
  namespace: string
  deliveries: DeliveryStore
  show: (record: PredictionRecord) => Prediction
  log: Logger
  /** `lagMs`: from the end of the prediction to here */
  onFrozen: (model: string, lagMs: number) => void
  clock?: () => number
}): Freezer => {
  redis.defineCommand('takeUndelivered', { numberOfKeys: 1, lua: takeDue })
  redis.defineCommand('holdPrediction', { numberOfKeys: 1, lua: holdPrediction })
  const queues = new Map<string, PredictionQueue>()
  const queueOf = (model: string) => {
    const queue = queues.get(model) ?? openPredictionQueue(redis, namespace, model)
    queues.set(model, queue)
    return queue
  }
  const drop = (model: string, member: string) => redis.zrem(modelKeys(namespace, model).undelivered, member)

  const hold = (model: string, id: string) =>
    redis.holdPrediction(modelKeys(namespace, model).undelivered, clock() + holdMs, `${id}:held`)

  /** Its delivery should have ended long ago. */
  const checkHeld = async (model: string, id: string) => {
    const delivery = await deliveries.read(deliveryIdOf(id, 'completed'))
    if (delivery?.status === 'pending') await hold(model, id)
    else await drop(model, `${id}:held`)
  }

  const freezeOne = async (model: string, member: string) => {
    const [id = '', suffix] = member.split(':')
    if (suffix === 'held') return checkHeld(model, id)
    const event = suffix === 'start' ? 'start' : 'completed'
    const record = await readPredictionRecord({ redis, namespace, queue: queueOf(model) }, model, id)
    const webhook = record?.job.webhook
    // deleted by its owner
    if (!record || !webhook) {
      await drop(model, member)
      return
    }
    const shown = event === 'start' ? asStarted(record, clock()) : record
    if (event === 'completed' && !record.outcome) return
    await make(model, shown, webhook, event)
    await drop(model, member)
  }

  const make = async (
    model: string,
    record: PredictionRecord,
    webhook: WebhookRequest,
    event: 'start' | 'completed',
  ) => {
    const { owner, requestId } = record.job
    const deliveryId = deliveryIdOf(record.id, event)
    const { text, isWhole } = webhookBody(show(record), webhook.payload)
    const about = {
      owner,
      predictionId: record.id,
      event: event === 'start' ? ('prediction.started' as const) : ('prediction.completed' as const),
      url: webhook.url,
      createdAt: clock(),
      holdsPrediction: !isWhole && event === 'completed',
    }
    if (about.holdsPrediction) await hold(model, record.id)
    if (await deliveries.create(deliveryId, about, text)) {
      onFrozen(model, clock() - (record.outcome?.completedAt ?? record.takenAt ?? clock()))
      log.debug({ deliveryId, predictionId: record.id, requestId }, 'delivery made')
    } else if ((await deliveries.read(deliveryId))?.status !== 'pending') await deliveries.release(about)
  }

  return {
    freeze: async (model) => {
      const { undelivered } = modelKeys(namespace, model)
      let taken: string[]
      do {
        const now = clock()
        taken = await redis.takeUndelivered(undelivered, now, now + leaseMs, atOnce)
        await Promise.all(
          taken.map((member) =>
            freezeOne(model, member).catch((err: unknown) =>
              log.warn({ err, model, member }, 'delivery could not be made yet'),
            ),
          ),
        )
      } while (taken.length === atOnce)
    },
    close: async () => {
      await Promise.all([...queues.values()].map((queue) => queue.close()))
    },
  }
}

/** The prediction as it was when it started, also where it has ended since. */
const asStarted = (record: PredictionRecord, now: number): PredictionRecord => ({
  ...record,
  takenAt: record.takenAt ?? record.outcome?.startedAt ?? now,
  outcome: null,
})

declare module 'ioredis' {
  // oxlint-disable-next-line no-unused-vars -- must repeat ioredis' own parameter to merge with it
  interface RedisCommander<Context> {
    holdPrediction(...args: (string | number)[]): Promise<unknown>
    takeUndelivered(...args: (string | number)[]): Promise<string[]>
  }
}
