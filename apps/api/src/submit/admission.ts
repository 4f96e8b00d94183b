import { AppError, modelKeys, readRedisMemory } from '@onqueue/shared'
import type { ModelEntry } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import type { PredictionQueues } from '../redis/prediction-queues.ts'

/**
 * Refuses predictions while there is a way to: before they are in the queue. Once Redis is full, workers can't finish
 * anything; and a backlog that takes an hour to drain is better told to the caller than hidden in the queue.
 *
 * Both measures are read at most every few hundred milliseconds, whatever the load: what this process let in since is
 * added to the last reading. When Redis can't be read the last reading stands; the enqueue then fails by itself.
 */
export type Admission = {
  /** Counts a prediction in, or throws `backlog_full` or `memory_full` with when to come back. */
  admit(entry: ModelEntry, weight: { rows: number; inputBytes: number }): Promise<void>
  /** Whole seconds, 1 to 60, after which a prediction submitted now may be done, as things were last seen. */
  drainSeconds(entry: ModelEntry): number
}

type Options = {
  redis: Redis
  namespace: string
  queues: PredictionQueues
  /** rows that may wait or run, for each model */
  backlogLimit: number
  /** share of Redis' maxmemory in use from which nothing is let in; ignored where Redis has no limit */
  memoryWatermark: number
  clock?: () => number
}

const backlogMaxAgeMs = 250
const memoryMaxAgeMs = 500
/** A reading from before a pause says nothing about now. */
const pauseMs = 2000
/** What a prediction takes in Redis but for its input and output, as measured. */
const bytesBesideInput = 2048

export const createAdmission = (options: Options): Admission => {
  const { redis, namespace, queues, backlogLimit, memoryWatermark, clock = Date.now } = options

  const readBacklog = async (model: string) => {
    const [counts, extraRows] = await Promise.all([
      queues.open(model).getJobCounts('waiting', 'prioritized', 'active', 'delayed'),
      redis.get(modelKeys(namespace, model).extraRows),
    ])
    const predictions = Object.values(counts).reduce((sum, count) => sum + count, 0)
    // the counter may be off after a crash, but rows are never fewer than predictions
    return predictions + Math.max(0, Number(extraRows ?? 0))
  }
  const backlogs = new Map<string, Gauge>()
  const backlogOf = (model: string) => {
    const gauge =
      backlogs.get(model) ?? createGauge(() => readBacklog(model), { maxAgeMs: backlogMaxAgeMs, clock })
    backlogs.set(model, gauge)
    return gauge
  }
  let limitBytes = 0
  const memory = createGauge(
    async () => {
      const reading = await readRedisMemory(redis)
      limitBytes = reading.limitBytes
      return reading.usedBytes
    },
    { maxAgeMs: memoryMaxAgeMs, clock },
  )

  return {
    admit: async (entry, { rows, inputBytes }) => {
      const backlog = backlogOf(entry.name)
      // a first reading is waited for; later ones go on beside the requests
      if (backlog.isStale()) await backlog.refresh()
      if (memory.isStale()) await memory.refresh()
      const takesBytes = inputBytes + bytesBesideInput
      if (limitBytes > 0 && memory.value() + takesBytes > memoryWatermark * limitBytes) {
        throw new AppError('memory_full', 'the queue is short of memory; try again later', {
          retryAfterSeconds: secondsToDrain(backlog.value(), entry),
        })
      }
      const excess = backlog.value() + rows - backlogLimit
      if (excess > 0) {
        const detail = `${entry.name} has ${backlog.value()} rows waiting, and takes at most ${backlogLimit}; try again later`
        throw new AppError('backlog_full', detail, { retryAfterSeconds: secondsToDrain(excess, entry) })
      }
      backlog.add(rows)
      memory.add(takesBytes)
    },
    drainSeconds: (entry) => secondsToDrain(backlogs.get(entry.name)?.value() ?? 0, entry, { ifUnknown: 2 }),
  }
}

/** Whole seconds, 1 to 60, in which the workers of a model finish `rows`; `ifUnknown` before they finished any. */
export const secondsToDrain = (
  rows: number,
  { heartbeats }: Pick<ModelEntry, 'heartbeats'>,
  { ifUnknown = 60 }: { ifUnknown?: number } = {},
) => {
  const rowsPerSecond = heartbeats.reduce((sum, heartbeat) => sum + heartbeat.rowsPerSecond, 0)
  if (rowsPerSecond === 0) return ifUnknown
  return Math.min(60, Math.max(1, Math.ceil(rows / rowsPerSecond)))
}

type Gauge = {
  value(): number
  /** What this process knows to have been added since the last reading. */
  add(amount: number): void
  /** True until the first reading, and after a pause; under load, an old one is replaced in the background. */
  isStale(): boolean
  refresh(): Promise<void>
}

const createGauge = (
  read: () => Promise<number>,
  { maxAgeMs, clock }: { maxAgeMs: number; clock: () => number },
): Gauge => {
  let reading: { value: number; at: number } | undefined
  let added = 0
  let refreshing: Promise<void> | undefined

  const refresh = () => {
    refreshing ??= (async () => {
      const addedBefore = added
      const at = clock()
      try {
        reading = { value: await read(), at }
        // what was added while Redis was read may or may not be in the reading: it stays counted until the next
        added -= addedBefore
      } catch {
        // stays as it was, for another `maxAgeMs`
        reading = { value: reading?.value ?? 0, at }
      } finally {
        refreshing = undefined
      }
    })()
    return refreshing
  }
  return {
    value: () => (reading?.value ?? 0) + added,
    add: (amount) => {
      added += amount
    },
    isStale: () => {
      if (reading === undefined) return true
      const ageMs = clock() - reading.at
      // refresh never rejects
      if (ageMs > maxAgeMs) void refresh()
      return ageMs > pauseMs
    },
    refresh,
  }
}
