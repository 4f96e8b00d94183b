import { randomUUID } from 'node:crypto'
import { Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import {
  endedOutcome,
  globalKeys,
  isOutOfMemory,
  lockSettings,
  missedDeadline,
  modelKeys,
  modelPrefix,
  openPredictionQueue,
  queueName,
  readModel,
  readOutcomes,
  readRedisMemory,
} from '@onqueue/shared'
import type { Logger, OutcomeWriter, PredictionQueue } from '@onqueue/shared'
import { cutoff, sweepOldest } from './retention.ts'
import { createSweeper } from './sweep.ts'

/**
 * The janitor tidies up after processes that died and callers that went away, for all models, whoever serves them.
 * Every worker process has one; a lock lets one at a time work on a model.
 *
 * - ends predictions whose deadline has passed, and moves them to the front to be cleared away;
 * - writes outcomes for predictions that BullMQ gave up on because their workers were lost again and again;
 * - clears away predictions that ended while waiting, for models without a live worker;
 * - corrects the count of rows when a queue is empty;
 * - removes finished predictions by age, and earlier when memory is short.
 */
type Options = {
  redis: Redis
  namespace: string
  outcomes: OutcomeWriter
  log: Logger
  retentionMs: number
  minRetentionMs: number
  /** share of maxmemory from which the oldest finished predictions go early */
  watermark: number
  intervalMs?: number
}

const atOnce = 200

/** Atomic, so that no submit comes between the look at the queue and the correction. */
const forgetRowsOfEmptyQueue = `
if redis.call('EXISTS', KEYS[2], KEYS[3], KEYS[4], KEYS[5]) == 0 then redis.call('DEL', KEYS[1]) end`

export const startJanitor = (options: Options) => {
  const {
    redis,
    namespace,
    outcomes,
    log,
    retentionMs,
    minRetentionMs,
    watermark,
    intervalMs = 1000,
  } = options
  const self = randomUUID()
  const queues = new Map<string, PredictionQueue>()
  const everLocked = new Set<string>()
  const sweeper = createSweeper({ redis, namespace, prefixOf: (model) => modelPrefix(namespace, model) })

  let closed = false

  const round = async () => {
    const models = (await redis.smembers(globalKeys(namespace).models)).sort()
    const mine = await lockModels(models)
    // first, since in a Redis that is full nothing of the rest works
    await sweepForMemory(mine)
    for (const model of mine) {
      try {
        await tidy(model)
      } catch (err) {
        // one model's trouble must not keep the others from being swept
        if (!closed) log.warn({ err, model }, 'janitor was interrupted')
      }
    }
  }

  const tidy = async (model: string) => {
    await endOverdue(model)
    await endLost(model)
    await clearEnded(model)
    await correctRows(model)
    await sweepByAge(model)
  }

  /** So that the next janitor need not wait for the lock to expire. */
  const unlockModels = async () => {
    for (const model of everLocked) {
      const key = modelKeys(namespace, model).janitor
      if ((await redis.get(key)) === self) await redis.del(key)
    }
  }

  /** Those that no other janitor is at work on. A Redis that is full takes no lock: then every janitor makes room in it. */
  const lockModels = (models: string[]) =>
    tryToLock(models).catch((err: unknown) => {
      if (isOutOfMemory(err)) return models
      throw err
    })

  const tryToLock = async (models: string[]) => {
    const locked: string[] = []
    for (const model of models) {
      const key = modelKeys(namespace, model).janitor
      const holder = await redis.set(key, self, 'PX', 10 * intervalMs, 'NX', 'GET')
      if (holder === null) {
        locked.push(model)
        everLocked.add(model)
      }
      if (holder === self) {
        await redis.pexpire(key, 10 * intervalMs)
        locked.push(model)
      }
    }
    return locked
  }

  const endOverdue = async (model: string) => {
    const { deadlines } = modelKeys(namespace, model)
    let ids: string[]
    do {
      ids = await redis.zrangebyscore(deadlines, '-inf', Date.now(), 'LIMIT', 0, atOnce)
      if (ids.length === 0) return
      const known = await readOutcomes({ redis, namespace }, model, ids)
      const settled = await Promise.all(
        ids.map(async (id, index) => known[index] !== null || endIfOverdue(model, id)),
      )
      const done = ids.filter((_, index) => settled[index])
      if (done.length > 0) await redis.zrem(deadlines, ...done)
      if (done.length < ids.length) return
    } while (ids.length === atOnce && !closed)
  }

  /** Resolves to false while a worker has it, which is to end it itself. */
  const endIfOverdue = async (model: string, id: string) => {
    const job = await queueOf(model).getJob(id)
    if (!job) return true
    const { deadline, requestId, arrayLength } = job.data
    // not by `processedOn` alone, which a prediction that waits for its next attempt has too
    const takenAt = (await job.isActive()) ? (job.processedOn ?? null) : null
    const missed = missedDeadline({ deadline, takenAt, now: Date.now() })
    if (!missed) return false
    const { won } = await outcomes.write(id, missed, { rows: arrayLength ?? 1 })
    if (won) log.info({ predictionId: id, requestId, status: missed.status }, 'deadline passed')
    // it may have been taken or finished just now, and then needs no clearing away
    if (takenAt === null) await job.changePriority({ priority: 0, lifo: true }).catch(() => undefined)
    return true
  }

  /** Those that are seen to join the completed ones, so that each is looked at once, however many there are. */
  const endLost = async (model: string) => {
    const keys = modelKeys(namespace, model)
    const [failed, completed] = [keys.queue('failed'), keys.queue('completed')]
    let ids: string[]
    do {
      ids = await redis.zrange(failed, '0', String(atOnce - 1))
      if (ids.length === 0) return
      const known = await readOutcomes({ redis, namespace }, model, ids)
      await Promise.all(ids.filter((_, index) => !known[index]).map((id) => endLostOne(model, id)))
      const now = Date.now()
      await redis
        .multi()
        .zadd(completed, ...ids.flatMap((id) => [now, id]))
        .zrem(failed, ids)
        .exec()
    } while (ids.length === atOnce && !closed)
  }

  const endLostOne = async (model: string, id: string) => {
    const job = await queueOf(model).getJob(id)
    if (!job) return
    const detail = 'the workers that took it were lost, again and again; submit it again'
    const ended = {
      code: 'worker_lost',
      detail,
      now: Date.now(),
      startedAt: job.processedOn ?? null,
      attempts: job.attemptsMade,
    } as const
    await outcomes.write(id, endedOutcome('failed', ended), { rows: job.data.arrayLength ?? 1 })
    log.error(
      { predictionId: id, requestId: job.data.requestId, reason: job.failedReason },
      'prediction lost its workers',
    )
  }

  /** Without a worker nobody takes jobs, so those that are final are taken off the front here and completed. */
  const clearEnded = async (model: string) => {
    const { heartbeats } = await readModel({ redis, namespace }, model)
    if (heartbeats.length > 0) return
    const keys = modelKeys(namespace, model)
    const front = await redis.lrange(keys.queue('wait'), -atOnce, -1)
    const final = await readOutcomes({ redis, namespace }, model, front)
    if (!final.some((outcome) => outcome !== null)) return
    const clearer = openClearer(model)
    try {
      while (!closed && (await clearNext(clearer, model)));
    } finally {
      await clearer.close()
    }
  }

  /** Completes the next waiting job if its prediction is final; puts it back and resolves to false if it isn't. */
  const clearNext = async (clearer: Worker, model: string) => {
    const token = randomUUID()
    const job = await clearer.getNextJob(token, { block: false })
    if (!job) return false
    const [outcome] = await readOutcomes({ redis, namespace }, model, [job.id ?? ''])
    if (outcome) await job.moveToCompleted(1, token, false)
    else {
      // it still waits: a worker has not taken it
      await redis.hdel(modelKeys(namespace, model).queue(job.id ?? ''), 'processedOn')
      await job.moveToWait(token)
    }
    return outcome !== null
  }

  const correctRows = async (model: string) => {
    const { extraRows, queue } = modelKeys(namespace, model)
    const states = ['wait', 'active', 'delayed', 'prioritized'].map(queue)
    // a submit adds its weight together with its job, so an empty queue has none
    await redis.eval(forgetRowsOfEmptyQueue, 1 + states.length, extraRows, ...states)
  }

  const sweepByAge = async (model: string) => {
    const before = cutoff({ now: Date.now(), retentionMs, minMs: minRetentionMs, memoryIsShort: false })
    while ((await sweeper.sweep(model, before)) > 0 && !closed);
  }

  const sweepForMemory = async (models: string[]) => {
    const isShort = async () => {
      const { usedBytes, limitBytes } = await readRedisMemory(redis)
      return limitBytes > 0 && usedBytes > watermark * limitBytes
    }
    if (!(await isShort())) return
    const before = cutoff({ now: Date.now(), retentionMs, minMs: minRetentionMs, memoryIsShort: true })
    const removed = await sweepOldest({
      sweeper,
      models,
      before,
      isEnough: async () => closed || !(await isShort()),
    })
    if (removed > 0) log.warn({ removed }, 'memory is short: removed the oldest finished predictions')
  }

  const queueOf = (model: string) => {
    const queue = queues.get(model) ?? openPredictionQueue(redis, namespace, model)
    queues.set(model, queue)
    return queue
  }

  const openClearer = (model: string) => {
    const clearer = new Worker(queueName, null, {
      connection: redis,
      prefix: modelPrefix(namespace, model),
      ...lockSettings,
      skipVersionCheck: true,
    })
    clearer.on('error', (err) => log.debug({ err, model }, 'janitor queue'))
    return clearer
  }

  let timer: NodeJS.Timeout | undefined
  const loop = async () => {
    try {
      await round()
    } catch (err) {
      if (!closed) log.warn({ err }, 'janitor was interrupted')
    }
    // loop never rejects
    if (closed) return
    timer = setTimeout(() => {
      running = loop()
    }, intervalMs)
  }
  let running = loop()

  return {
    close: async () => {
      closed = true
      clearTimeout(timer)
      await running
      await unlockModels()
      await Promise.all([...queues.values()].map((queue) => queue.close()))
    },
  }
}
