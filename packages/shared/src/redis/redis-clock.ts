import type { Redis } from 'ioredis'
import type { Logger } from '../process/logger.ts'
import { boundsAfter, vaguenessOf } from './clock-bounds.ts'
import type { ClockBounds } from './clock-bounds.ts'
import { ClockWatch } from './clock-watch.ts'

/**
 * The time on Redis' clock, by which all data is dated: whatever the clocks of the machines say, processes then agree on
 * what is before what.
 *
 * It is the process's steady clock, which nobody can set, and the distance from it to Redis' clock. So a process whose own
 * clock is set notices nothing, and one that finds Redis' clock set, or another Redis, goes by that from its next reading
 * on.
 */
export type RedisClock = {
  /** In whole ms since the epoch. By the process's own clock until the first reading, when there is nothing to be dated. */
  now: () => number
  /** The same, and certainly no later than it is. */
  earliest: () => number
  /** Resolves when it is known well enough to date by. Rejects as commands of the connection do. */
  read(): Promise<void>
  /** Reads it now, and nobody waits. Does nothing while one reading is under way. */
  adjust(): void
  /** How far the process's own clock is ahead of Redis', in ms; below 0 where it is behind. */
  aheadMs(): number
  /** That the two are too far apart, a sentence; none where they aren't. */
  warnings(): string[]
  close(): void
}

const intervalMs = 2000
/** To begin with. Under load a reading may take longer, again and again: what is known then has to do. */
const goodEnoughMs = 50
const maxFirstReadings = 5

/** Read when the connection is ready, and every 2 s. */
export const createRedisClock = ({
  redis,
  log,
}: {
  redis: Redis
  log: Pick<Logger, 'warn' | 'info'>
}): RedisClock => {
  const watch = new ClockWatch(log)
  let bounds: ClockBounds | undefined
  let isReading = false

  const now = () => {
    if (!bounds) return ownTime()
    return Math.round(performance.now() + (bounds.leastMs + bounds.mostMs) / 2)
  }
  const earliest = () => (bounds ? Math.floor(performance.now() + bounds.leastMs) : ownTime())
  const aheadMs = () => ownTime() - now()

  const readOnce = async () => {
    const sentAt = performance.now()
    const [seconds, microseconds] = await redis.time()
    const redisMs = Number(seconds) * 1000 + Number(microseconds) / 1000
    bounds = boundsAfter(bounds, { sentAt, answeredAt: performance.now(), redisMs })
    const vaguenessMs = vaguenessOf(bounds)
    watch.see(aheadMs(), { vaguenessMs })
    return vaguenessMs
  }
  const read = async () => {
    for (let left = maxFirstReadings; left > 0 && (await readOnce()) > goodEnoughMs; left -= 1);
  }
  const adjust = () => {
    if (isReading || redis.status !== 'ready') return
    isReading = true
    void readOnce()
      // the distance stays as it was, and is read again when the connection is back
      .catch(() => undefined)
      .finally(() => (isReading = false))
  }

  redis.on('ready', adjust)
  const timer = setInterval(adjust, intervalMs).unref()

  return {
    now,
    earliest,
    read,
    adjust,
    aheadMs,
    warnings: () => watch.warnings(),
    close: () => {
      clearInterval(timer)
      redis.off('ready', adjust)
    },
  }
}

/** The process's own clock: for what it is compared with, and for nothing that is kept. */
const ownTime = () => Date.now()
