import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { AppError } from '@onqueue/shared'

/**
 * The bytes of requests and answers that are in memory at once, and their bound: what many large bodies or slow readers take
 * together. Bodies and stored answers are reserved before they are read; an answer that was written and not yet taken by
 * its reader is counted at its connection.
 */
export class UnderWay {
  readonly #limitBytes: number
  readonly #sockets = new Set<Socket>()
  #reservedBytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get bytes() {
    let unsent = 0
    for (const socket of this.#sockets) unsent += socket.writableLength
    return this.#reservedBytes + unsent
  }

  /** Throws `server_busy` when so much more is too much. */
  refuseBeyond(bytes: number) {
    if (this.bytes + bytes <= this.#limitBytes) return
    throw new AppError(
      'server_busy',
      'too many bytes of requests and answers are under way here at the moment; try again soon',
      { retryAfterSeconds: 1 },
    )
  }

  /** Reserves, or throws `server_busy`. Returns what gives back; it may be called twice. */
  reserve(bytes: number): () => void {
    this.refuseBeyond(bytes)
    this.#reservedBytes += bytes
    let isHeld = true
    return () => {
      if (isHeld) this.#reservedBytes -= bytes
      isHeld = false
    }
  }

  /** Counts what the connections of a server have to send, and ends those whose other side takes nothing of it for `patienceMs`. */
  watch(server: Server, { patienceMs }: { patienceMs: number }) {
    const stalled = new Map<Socket, { written: number; since: number }>()
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => {
        this.#sockets.delete(socket)
        stalled.delete(socket)
      })
    })
    const look = () => {
      const now = performance.now()
      for (const socket of this.#sockets) {
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
}
