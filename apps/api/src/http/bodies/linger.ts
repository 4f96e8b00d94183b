import type { IncomingMessage } from 'node:http'
import type { MiddlewareHandler } from 'hono'
import type { ApiEnvironment } from '../api-environment.ts'
import { isBodyUnasked } from '../connections/expect-continue.ts'

const maxBytes = 1024 * 1024
const maxMs = 2000

/**
 * Has a client that still sends its body see why it is refused. A connection that is closed with bytes unread is reset by the
 * system, and with it goes the answer. So the answer is sent with `Connection: close`, and a megabyte or two seconds more of
 * the body are read and thrown away before the connection is closed.
 */
export const lingerWhenRefused: MiddlewareHandler<ApiEnvironment> = async (c, next) => {
  await next()
  const incoming = c.env?.incoming
  if (c.res.status < 400 || !incoming || incoming.complete || incoming.destroyed) return
  if (isBodyUnasked(incoming)) return
  const answer = new Uint8Array(await c.res.arrayBuffer())
  const headers = new Headers(c.res.headers)
  headers.set('Connection', 'close')
  headers.set('Content-Length', String(answer.byteLength))
  const body = new ReadableStream<Uint8Array>({
    start: async (controller) => {
      controller.enqueue(answer)
      await takeRest(incoming)
      controller.close()
    },
  })
  c.res = new Response(body, { status: c.res.status, headers })
}

const takeRest = (incoming: IncomingMessage) =>
  new Promise<void>((resolve) => {
    let bytes = 0
    const take = (chunk: Uint8Array) => {
      bytes += chunk.byteLength
      if (bytes > maxBytes) end()
    }
    const end = () => {
      clearTimeout(timer)
      incoming.off('data', take).pause()
      resolve()
    }
    const timer = setTimeout(end, maxMs)
    incoming.on('data', take).once('end', end).once('error', end).once('close', end).resume()
  })
