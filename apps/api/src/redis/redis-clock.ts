import type { Redis } from 'ioredis'

/** The time on Redis' clock, in ms: what a script there can be told to compare with. */
export type RedisClock = {
  now(): number
  /** Reads Redis' clock again now. Does nothing while one reading is under way. */
  adjust(): void
  close(): void
}

const intervalMs = 10_000
/**
 * A reading that took longer says too little about the moment it was made: it may be off by half of that, and a submit that is
 * given up on after a second must not be taken for one that came in the first 900 ms.
 */
const maxReadingMs = 150

/** Keeps the difference between the two clocks: read when the connection is ready, and every 10 s. */
export const createRedisClock = (redis: Redis): RedisClock => {
  let offsetMs = 0
  let isReading = false

  const read = async () => {
    const sentAt = Date.now()
    const [seconds, microseconds] = await redis.time()
    const answeredAt = Date.now()
    if (answeredAt - sentAt > maxReadingMs) return
    offsetMs = Number(seconds) * 1000 + Number(microseconds) / 1000 - (sentAt + answeredAt) / 2
  }
  const adjust = () => {
    if (isReading || redis.status !== 'ready') return
    isReading = true
    void read()
      // the offset stays as it was, and is read again when the connection is back
      .catch(() => undefined)
      .finally(() => (isReading = false))
  }

  redis.on('ready', adjust)
  const timer = setInterval(adjust, intervalMs).unref()
  adjust()

  return {
    now: () => Date.now() + offsetMs,
    adjust,
    close: () => {
      clearInterval(timer)
      redis.off('ready', adjust)
    },
  }
}
