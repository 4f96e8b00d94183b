import { AppError, isRedisAway, readRedisMemory } from '@onqueue/shared'
import type { Logger, ModelEntry, PredictionQueues, RedisStore } from '@onqueue/shared'
import { drainRate } from '../models/drain-rate.ts'
import { readBacklogRows } from './backlog-rows.ts'
import { Gauge } from './gauge.ts'

/**
 * Refuses predictions while there is a way to: before they are in the queue. Once Redis is full, workers can't finish
 * anything; and a backlog that takes an hour to drain is better told to the caller than hidden in the queue.
 *
 * When Redis can't be read the last reading stands; the enqueue then fails by itself.
 */
export type Admission = {
  /** Counts a prediction in, or throws `backlog_full` or `memory_full` with when to come back. */
  admit(entry: ModelEntry, weight: { rows: number; inputBytes: number }): Promise<void>
  /** Whole seconds, 1 to 60, after which a prediction submitted now may be done, as things were last seen. */
  drainSeconds(entry: ModelEntry): number
}

type Options = RedisStore & {
  queues: PredictionQueues
  /** rows that may wait or run, for each model */
  backlogLimit: number
  /** share of Redis' maxmemory in use from which nothing is let in; ignored where Redis has no limit */
  memoryWatermark: number
  log: Pick<Logger, 'error'>
  clock?: () => number
}

const maxBacklogAgeMs = 250
const maxMemoryAgeMs = 500
/** What a prediction takes in Redis but for its input and output, as measured. */
const bytesBesideInput = 2048

export const createAdmission = (options: Options): Admission => {
  const { redis, namespace, queues, backlogLimit, memoryWatermark, log, clock = Date.now } = options
  const onFailed = (err: unknown) => {
    if (!isAway(err)) log.error({ err }, 'admission goes by an old reading: the new one failed')
  }

  const backlogs = new Map<string, Gauge>()
  const backlogOf = (model: string) => {
    const gauge =
      backlogs.get(model) ??
      new Gauge({
        read: () => readBacklogRows({ redis, namespace, queues }, model),
        maxAgeMs: maxBacklogAgeMs,
        onFailed,
        clock,
      })
    backlogs.set(model, gauge)
    return gauge
  }
  let limitBytes = 0
  const memory = new Gauge({
    read: async () => {
      const reading = await readRedisMemory(redis)
      limitBytes = reading.limitBytes
      return reading.usedBytes
    },
    maxAgeMs: maxMemoryAgeMs,
    onFailed,
    clock,
  })

  return {
    admit: async (entry, { rows, inputBytes }) => {
      const backlog = backlogOf(entry.name)
      await backlog.freshen()
      await memory.freshen()
      const takesBytes = inputBytes + bytesBesideInput
      if (limitBytes > 0 && memory.value + takesBytes > memoryWatermark * limitBytes) {
        throw new AppError('memory_full', 'the queue is short of memory; try again later', {
          retryAfterSeconds: secondsToDrain(backlog.value, entry),
        })
      }
      const excess = backlog.value + rows - backlogLimit
      if (excess > 0) {
        const detail = `${entry.name} has ${backlog.value} rows waiting, and takes at most ${backlogLimit}; try again later`
        throw new AppError('backlog_full', detail, { retryAfterSeconds: secondsToDrain(excess, entry) })
      }
      backlog.add(rows)
      memory.add(takesBytes)
    },
    drainSeconds: (entry) => secondsToDrain(backlogs.get(entry.name)?.value ?? 0, entry, { ifUnknown: 2 }),
  }
}

/** Whole seconds, 1 to 60, in which the workers of a model finish `rows`; `ifUnknown` before they finished any. */
export const secondsToDrain = (
  rows: number,
  { heartbeats }: Pick<ModelEntry, 'heartbeats'>,
  { ifUnknown = 60 }: { ifUnknown?: number } = {},
) => {
  const rowsPerSecond = drainRate({ heartbeats })
  if (rowsPerSecond === 0) return ifUnknown
  return Math.min(60, Math.max(1, Math.ceil(rows / rowsPerSecond)))
}

/** Redis can't be asked: it says so itself, and the enqueue will. Anything else is a defect. */
const isAway = (err: unknown) =>
  isRedisAway(err) || (err instanceof AppError && err.code === 'queue_unavailable')
