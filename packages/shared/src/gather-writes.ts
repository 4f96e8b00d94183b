import type { Redis } from 'ioredis'

/**
 * Makes a function that lets everything written to a connection in this turn of the event loop leave in one write.
 *
 * ioredis writes each command to the socket by itself, and under load those system calls are a good part of what a
 * command costs, here and in Redis. Commands keep their order, and nothing waits for more than the rest of the turn.
 */
export const createWriteGatherer = (redis: Redis) => {
  let isGathering = false
  return () => {
    if (isGathering) return
    isGathering = true
    // the connection may be another one when the turn is over
    const { stream } = redis
    stream.cork()
    setImmediate(() => {
      isGathering = false
      stream.uncork()
    })
  }
}
