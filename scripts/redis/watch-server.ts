import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isServerAlive } from './redis-server.ts'
import type { RedisServer } from './redis-server.ts'

/**
 * Tells when a server is gone. A connection is held open to it: its end is the event, and then the process is looked
 * at, for a server may close connections for other reasons.
 */
export const watchServer = (server: RedisServer): { lost: Promise<void>; stop: () => void } => {
  const stopped = new AbortController()
  const lost = new Promise<void>((resolve) => {
    void waitUntilGone(server, stopped.signal).then((isGone) => {
      if (isGone) resolve()
    })
  })
  return { lost, stop: () => stopped.abort() }
}

const waitUntilGone = async (server: RedisServer, signal: AbortSignal) => {
  for (;;) {
    await holdConnection(server.url, signal)
    if (signal.aborted) return false
    if (!(await isServerAlive(server))) return true
    await sleep(100, undefined, { ref: false })
  }
}

const holdConnection = (url: string, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port), signal }).unref()
    socket.on('error', () => {
      // 'close' follows
    })
    socket.once('close', () => resolve())
    socket.resume()
  })
