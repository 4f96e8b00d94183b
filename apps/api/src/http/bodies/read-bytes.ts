import type { IncomingMessage } from 'node:http'
import { AppError } from '@onqueue/shared'
import type { ApiContext } from '../api-environment.ts'
import { askForBody } from '../connections/expect-continue.ts'
import { headOf } from '../request-head.ts'

/** The bytes of a body, and what gives back the memory that was reserved for a long one; it may be called twice. */
export type BodyBytes = { bytes: Uint8Array<ArrayBuffer>; release: () => void }

/** Bodies that say that they are not longer are read without asking whether there is room. */
const shortBytes = 64 * 1024

/**
 * Reads the body of a request. Room for a long one is reserved before it is read, for one that does not say its length as it
 * comes; it is given back when the request is over at the latest.
 *
 * Throws `body_too_large`, `too_many_open`, `server_busy`, and `invalid_request` where it did not all arrive.
 */
export const readBytes = async (c: ApiContext, maxBytes: number): Promise<BodyBytes> => {
  const limitBytes = Math.min(maxBytes, c.get('underWay')?.limitBytes ?? Infinity)
  const declared = headOf(c).header('content-length')
  if (declared !== undefined && Number(declared) > limitBytes) throw tooLarge(limitBytes)
  const room = reserveRoom(c, declared === undefined ? undefined : Number(declared))
  const check = (bytes: number, chunk: Uint8Array) => {
    if (bytes > limitBytes) throw tooLarge(limitBytes)
    if (declared === undefined) room.grow(chunk.byteLength)
  }
  try {
    askForBody(c)
    const bytes = await (c.env?.incoming
      ? readIncoming(c.env.incoming, check)
      : readStream(c.req.raw.body, check))
    return { bytes, release: room.release }
  } catch (err) {
    room.release()
    if (err instanceof AppError) throw err
    throw new AppError('invalid_request', 'the body did not arrive whole', { cause: err })
  }
}

const noRoom = { grow: () => undefined, release: () => undefined }

const reserveRoom = (c: ApiContext, declared: number | undefined) => {
  const underWay = c.get('underWay')
  if (!underWay || (declared !== undefined && declared <= shortBytes)) return noRoom
  const held = [underWay.open('bodies', c.get('owner'))]
  const release = () => {
    for (const give of held) give()
  }
  const grow = (bytes: number) => void held.push(underWay.reserve(bytes))
  try {
    grow(declared ?? 0)
  } catch (err) {
    release()
    throw err
  }
  // whatever a route does with the body
  c.env?.outgoing?.once('close', release)
  return { grow, release }
}

/** Throws where the body is not to be read on. `bytes` are all until now. */
type Check = (bytes: number, chunk: Uint8Array) => void

/** As events of Node's request, without the web stream that it can be wrapped in: that costs as much as all the rest. */
const readIncoming = (incoming: IncomingMessage, check: Check) =>
  new Promise<Uint8Array<ArrayBuffer>>((resolve, reject) => {
    const chunks: Uint8Array<ArrayBuffer>[] = []
    let bytes = 0
    let isSettled = false
    const take = (chunk: Uint8Array<ArrayBuffer>) => {
      if (isSettled) return
      bytes += chunk.byteLength
      try {
        check(bytes, chunk)
        chunks.push(chunk)
      } catch (err) {
        fail(err)
      }
    }
    const end = () => {
      isSettled = true
      resolve(join(chunks))
    }
    const fail = (err: unknown = new Error('the connection was closed')) => {
      isSettled = true
      chunks.length = 0
      incoming.off('data', take)
      reject(err)
    }
    if (incoming.readableEnded || incoming.destroyed) return fail()
    // they go with the request: to take them off costs as much as all the rest
    incoming.on('data', take).once('end', end).once('error', fail)
    incoming.once('close', () => !isSettled && fail())
  })

const readStream = async (body: ReadableStream<Uint8Array<ArrayBuffer>> | null, check: Check) => {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength
    check(bytes, chunk)
    chunks.push(chunk)
  }
  return join(chunks)
}

/** A long one in memory of its own, so that it can be moved to a thread. */
const join = (chunks: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> => {
  const [first] = chunks
  return first && chunks.length === 1 && first.length <= shortBytes ? first : Buffer.concat(chunks)
}

const tooLarge = (limitBytes: number) =>
  new AppError('body_too_large', `the body is larger than ${limitBytes} bytes; send less at once`)
