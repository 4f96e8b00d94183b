import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Keeps `sockets` to the connections that a server has, and ends those whose other side has taken nothing of what there is to
 * send for `patienceMs`.
 */
export const watchConnections = (
  server: Server,
  { sockets, patienceMs }: { sockets: Set<Socket>; patienceMs: number },
) => {
  const stalled = new Map<Socket, { written: number; since: number }>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      stalled.delete(socket)
    })
  })
  const look = () => {
    const now = performance.now()
    for (const socket of sockets) {
      const written = socket.bytesWritten - socket.writableLength
      const before = stalled.get(socket)
      if (socket.writableLength === 0) stalled.delete(socket)
      else if (before?.written !== written) stalled.set(socket, { written, since: now })
      else if (now - before.since >= patienceMs) socket.destroy()
    }
  }
  const timer = setInterval(look, patienceMs / 4).unref()
  server.once('close', () => clearInterval(timer))
}
