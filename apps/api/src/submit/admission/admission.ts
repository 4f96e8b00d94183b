import { AppError, globalKeys, isRedisAway, readRedisMemory } from '@onqueue/shared'
import type { Logger, ModelEntry, PredictionQueues, RedisStore } from '@onqueue/shared'
import { drainRate, secondsUntilDone } from '../../models/drain-rate.ts'
import { readBacklogRows } from './backlog-rows.ts'
import { FallRate } from './fall-rate.ts'
import { Gauge } from './gauge.ts'
import { SentAway } from './sent-away.ts'

/**
 * Refuses predictions while there is a way to: before they are in the queue. Once Redis is full, workers can't finish
 * anything; and a backlog that takes an hour to drain is better told to the caller than hidden in the queue.
 *
 * When Redis can't be read the last reading stands; the enqueue then fails by itself.
 */
export type Admission = {
  /**
   * Counts predictions in, all or none, or throws `backlog_full` or `memory_full` with when to come back; `body_too_large` where they
   * would not fit into an empty Redis either, though others would.
   */
  admit: (entry: ModelEntry, weight: AdmittedWeight) => Promise<void>
  /** Seconds until the whole backlog may be done, the latest prediction included; null while nothing drains. Never rejects. */
  backlogSeconds(entry: ModelEntry): Promise<number | null>
}

/** What predictions take, all together. */
export type AdmittedWeight = {
  rows: number
  inputBytes: number
  /** how many; one where it is not said */
  predictions?: number
}

type Options = RedisStore & {
  queues: PredictionQueues
  /** rows that may wait or run, for each model */
  backlogLimit: number
  /** share of Redis' maxmemory in use from which nothing is let in; ignored where Redis has no limit */
  memoryWatermark: number
  log: Pick<Logger, 'error'>
  /** one that only goes forward, in ms */
  clock?: () => number
  random?: () => number
}

const maxBacklogAgeMs = 250
const maxMemoryAgeMs = 500
const maxProcessesAgeMs = 2000
/** What a prediction takes in Redis but for its input and output, as measured. */
const bytesBesideInput = 2048

export const createAdmission = (options: Options): Admission => {
  const { redis, namespace, queues, backlogLimit, memoryWatermark, log } = options
  const { clock = () => performance.now(), random = Math.random } = options
  const onFailed = (err: unknown) => {
    if (!isAway(err)) log.error({ err }, 'admission goes by an old reading: the new one failed')
  }

  const backlogs = new Map<string, { rows: Gauge; sentAway: SentAway }>()
  const backlogOf = (model: string) => {
    const backlog = backlogs.get(model) ?? {
      rows: new Gauge({
        read: () => readBacklogRows({ redis, namespace, queues }, model),
        maxAgeMs: maxBacklogAgeMs,
        onFailed,
        clock,
      }),
      sentAway: new SentAway({ clock, random }),
    }
    backlogs.set(model, backlog)
    return backlog
  }
  let limitBytes = 0
  const freed = new FallRate()
  const sentAwayFromMemory = new SentAway({ clock, random })
  const memory = new Gauge({
    read: async () => {
      const reading = await readRedisMemory(redis)
      limitBytes = reading.limitBytes
      freed.read(reading.usedBytes, clock())
      return reading.usedBytes
    },
    maxAgeMs: maxMemoryAgeMs,
    onFailed,
    clock,
  })

  // every API process listens to the changes of cards, those of other releases included
  const processes = new Gauge({
    read: async () => Number((await redis.pubsub('NUMSUB', globalKeys(namespace).cardChanges))[1]),
    maxAgeMs: maxProcessesAgeMs,
    onFailed,
    clock,
  })
  const sendAway = async (
    sentAway: SentAway,
    turn: { amount: number; excess: number; perSecond: number },
  ): Promise<number> => {
    await processes.freshen()
    return sentAway.sendAway({ ...turn, processes: Math.max(1, processes.value) })
  }

  return {
    admit: async (entry, { rows, inputBytes, predictions = 1 }) => {
      const backlog = backlogOf(entry.name)
      await backlog.rows.freshen()
      await memory.freshen()
      const bytesBeside = predictions * bytesBesideInput
      const takesBytes = inputBytes + bytesBeside
      const maxBytes = limitBytes > 0 ? memoryWatermark * limitBytes : Infinity
      // where others may fit in time
      if (takesBytes > maxBytes && bytesBeside <= maxBytes) throw neverFits()
      const excessBytes = memory.value + takesBytes - maxBytes
      sentAwayFromMemory.asked(takesBytes)
      if (excessBytes > 0) {
        const turn = { amount: takesBytes, excess: excessBytes, perSecond: freed.perSecond }
        throw new AppError('memory_full', 'the queue is short of memory; try again later', {
          retryAfterSeconds: await sendAway(sentAwayFromMemory, turn),
        })
      }
      const excess = backlog.rows.value + rows - backlogLimit
      backlog.sentAway.asked(rows)
      if (excess > 0) {
        const detail = `${entry.name} has ${backlog.rows.value} rows waiting, and takes at most ${backlogLimit}; try again later`
        const turn = { amount: rows, excess, perSecond: drainRate(entry) }
        throw new AppError('backlog_full', detail, {
          retryAfterSeconds: await sendAway(backlog.sentAway, turn),
        })
      }
      backlog.rows.add(rows)
      memory.add(takesBytes)
    },
    backlogSeconds: async (entry) => {
      const { rows } = backlogOf(entry.name)
      await rows.freshen()
      return secondsUntilDone(Math.max(1, rows.value), entry)
    },
  }
}

const neverFits = () =>
  new AppError(
    'body_too_large',
    'the input takes more memory than Redis may give to all predictions together; send less at once',
  )

/** Redis can't be asked: it says so itself, and the enqueue will. Anything else is a defect. */
const isAway = (err: unknown) =>
  isRedisAway(err) || (err instanceof AppError && err.code === 'queue_unavailable')
