import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import {
  globalKeys,
  isMemoryShort,
  isOutOfMemory,
  modelKeys,
  modelPrefix,
  openPredictionQueue,
  readRedisMemory,
} from '@onqueue/shared'
import type { Logger, OutcomeWriter, PredictionQueue } from '@onqueue/shared'
import { clearEnded } from './clear-ended.ts'
import { endLost } from './end-lost.ts'
import { endOverdue } from './end-overdue.ts'
import { cutoff, sweepOldest } from './retention.ts'
import { createSweeper } from './sweep.ts'
import type { Upkeep } from './upkeep.ts'

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

  const queueOf = (model: string) => {
    const queue = queues.get(model) ?? openPredictionQueue(redis, namespace, model)
    queues.set(model, queue)
    return queue
  }
  const upkeep: Upkeep = { redis, namespace, outcomes, log, queueOf, isClosed: () => closed }

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
    await endOverdue(upkeep, model)
    await endLost(upkeep, model)
    await clearEnded(upkeep, model)
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
    const isShort = async () => isMemoryShort(await readRedisMemory(redis), watermark)
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
