import type { IncomingMessage } from 'node:http'
import { AppError } from '@onqueue/shared'
import type { ApiContext } from '../api-environment.ts'

/** The bytes of a request's body. Throws `body_too_large`, and `invalid_request` where they did not all arrive. */
export const readBytes = async (c: ApiContext, limitBytes: number): Promise<Uint8Array<ArrayBuffer>> => {
  const declared = c.req.header('content-length')
  if (declared !== undefined && Number(declared) > limitBytes) throw tooLarge(limitBytes)
  try {
    return await (c.env?.incoming
      ? readIncoming(c.env.incoming, limitBytes)
      : readStream(c.req.raw.body, limitBytes))
  } catch (err) {
    if (err instanceof AppError) throw err
    throw new AppError('invalid_request', 'the body did not arrive whole', { cause: err })
  }
}

/** As events of Node's request, without the web stream that it can be wrapped in: that costs as much as all the rest. */
const readIncoming = (incoming: IncomingMessage, limitBytes: number) =>
  new Promise<Uint8Array<ArrayBuffer>>((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let bytes = 0
    const take = (chunk: Uint8Array) => {
      bytes += chunk.byteLength
      if (bytes > limitBytes) settle(() => reject(tooLarge(limitBytes)))
      else chunks.push(chunk)
    }
    const end = () => settle(() => resolve(join(chunks)))
    const fail = (err?: Error) => settle(() => reject(err ?? new Error('the connection was closed')))
    const settle = (tell: () => void) => {
      incoming.off('data', take).off('end', end).off('error', fail).off('close', fail)
      tell()
    }
    if (incoming.readableEnded || incoming.destroyed) return fail()
    incoming.on('data', take).on('end', end).on('error', fail).on('close', fail)
  })

const readStream = async (body: ReadableStream<Uint8Array> | null, limitBytes: number) => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength
    if (bytes > limitBytes) throw tooLarge(limitBytes)
    chunks.push(chunk)
  }
  return join(chunks)
}

/** A long one in memory of its own, so that it can be moved to a thread. */
const join = (chunks: Uint8Array[]): Uint8Array<ArrayBuffer> => Buffer.concat(chunks)

const tooLarge = (limitBytes: number) =>
  new AppError('body_too_large', `the body is larger than ${limitBytes} bytes; send less at once`)
