import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { AppError } from '@onqueue/shared'
import { watchConnections } from './connections/watch-connections.ts'

/**
 * What one key may have open at once: long bodies that are being read, streams of events, requests that wait for a result, files
 * that are sent or read.
 */
export type OpenLimits = Record<OpenKind, number>
type OpenKind = keyof typeof wording

/**
 * What requests and answers take of this process at once, and its bounds.
 *
 * Bytes: of long bodies and stored answers, which are reserved before they are read, and of answers that were written and not
 * yet taken by their reader, which are counted at their connections. And for each key how many long bodies, streams, waits and
 * transfers are open; of all keys together four times as many.
 */
export class UnderWay {
  readonly #limitBytes: number
  readonly #limits: OpenLimits
  readonly #open = new Map<string, number>()
  #reservedBytes = 0
  #unsentBytes = () => 0

  constructor(limitBytes: number, limits: OpenLimits) {
    this.#limitBytes = limitBytes
    this.#limits = limits
  }

  /** More of one request or answer than this finds no room, however long it is waited for. */
  get limitBytes() {
    return this.#limitBytes
  }

  get bytes() {
    return this.#reservedBytes + this.#unsentBytes()
  }

  /** Throws `server_busy` when so much more is too much. */
  refuseBeyond(bytes: number) {
    if (this.bytes + bytes > this.#limitBytes) {
      throw busy('too many bytes of requests and answers are under way here at the moment')
    }
  }

  /** Reserves, or throws `server_busy`. Returns what gives back; it may be called twice. */
  reserve(bytes: number): () => void {
    this.refuseBeyond(bytes)
    return this.count(bytes)
  }

  /** Reserves what can't be refused any more, also beyond the limit. */
  count(bytes: number): () => void {
    this.#reservedBytes += bytes
    return once(() => (this.#reservedBytes -= bytes))
  }

  /** Counts one of the kind in for a key, or throws `too_many_open`. Returns what counts it out; it may be called twice. */
  open(kind: OpenKind, owner: string): () => void {
    const limit = this.#limits[kind]
    if (this.#count(`${kind} ${owner}`) >= limit) {
      const detail = `your key has ${limit} ${wording[kind]}, and may have no more at once; end one, or try again soon`
      throw new AppError('too_many_open', detail, { retryAfterSeconds: 1 })
    }
    if (this.#count(kind) >= 4 * limit) throw busy(`there are ${4 * limit} ${wording[kind]}`)
    const leave = [kind, `${kind} ${owner}`].map((name) => this.#enter(name))
    return once(() => leave.forEach((one) => one()))
  }

  /** Counts what the connections of a server have to send, and ends those whose other side takes nothing for `patienceMs`. */
  watch(server: Server, { patienceMs }: { patienceMs: number }) {
    const sockets = new Set<Socket>()
    watchConnections(server, { sockets, patienceMs })
    this.#unsentBytes = () => {
      let bytes = 0
      for (const { writableLength } of sockets) bytes += writableLength
      return bytes
    }
  }

  #count(name: string) {
    return this.#open.get(name) ?? 0
  }

  #enter(name: string) {
    this.#open.set(name, this.#count(name) + 1)
    return () => {
      const left = this.#count(name) - 1
      if (left > 0) this.#open.set(name, left)
      else this.#open.delete(name)
    }
  }
}

const wording = {
  bodies: 'long bodies under way',
  streams: 'streams of events, or of outputs, open',
  waits: 'requests that wait for a result',
  transfers: 'files on their way in or out',
} as const

const busy = (why: string) => new AppError('server_busy', `${why}; try again soon`, { retryAfterSeconds: 1 })

const once = (act: () => unknown) => {
  let isDone = false
  return () => {
    if (!isDone) act()
    isDone = true
  }
}
