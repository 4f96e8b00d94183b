import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { AppError } from '@onqueue/shared'
import type { Logger } from '@onqueue/shared'
import { hasLongBody } from './long-bodies.ts'
import { answerRefusal, refusalText } from './refusal.ts'

/** The request of a connection that is being answered, and its response; undefined where there is none. */
export type ExchangeOf = (
  socket: Duplex,
) => { request: IncomingMessage; response: ServerResponse } | undefined

/** How long what a refused client still sends is read: closed before, its system would throw the answer away. */
const lingerMs = 1000

/**
 * Answers what never becomes a request: Node would close the connection with an empty answer, or without one. These
 * refusals have no path, so they speak the server's own dialect.
 */
export const refuseUnparsed = (
  server: Server,
  { exchangeOf, log }: { exchangeOf: ExchangeOf; log: Pick<Logger, 'debug'> },
) => {
  const refused = new WeakSet<Duplex>()
  const end = (socket: Duplex, err: AppError) => {
    // what follows on this connection is read, and makes no more errors
    refused.add(socket)
    const { text, requestId } = refusalText(err)
    log.debug({ requestId, code: err.code }, 'request refused')
    const linger = setTimeout(() => socket.destroy(), lingerMs)
    socket.once('close', () => clearTimeout(linger)).end(text)
  }

  server.on('clientError', (thrown, socket) => {
    if (refused.has(socket)) return
    const exchange = exchangeOf(socket)
    // it has a limit of its own
    if (exchange && hasLongBody(exchange.request) && isTimeout(thrown)) return
    if (!socket.writable || exchange?.response.headersSent) socket.destroy()
    // that request was whole: its answer comes first
    else if (exchange?.request.complete) exchange.response.once('close', () => end(socket, toRefusal(thrown)))
    else end(socket, toRefusal(thrown))
  })
  server.on('checkExpectation', (_request, response) => {
    answerRefusal(
      response,
      new AppError(
        'expectation_failed',
        'of what an Expect header may ask for, this server knows 100-continue only; leave the header out',
      ),
    )
  })
  server.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy())
    const message = 'this server is no proxy: send the request itself, without CONNECT'
    end(socket, new AppError('method_not_allowed', message, { headers: { Allow: 'GET, POST, DELETE' } }))
  })
}

/** By the codes of Node and of llhttp, its parser. */
const toRefusal = (thrown: Error): AppError => {
  const code = codeOf(thrown)
  if (isTimeout(thrown)) {
    return new AppError('request_timeout', 'the request took too long to arrive; send it again, at once')
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new AppError(
      'headers_too_large',
      'the address and the headers together may have 16 KB; shorten them, and send what is long in the body',
    )
  }
  if (code === 'HPE_INVALID_EOF_STATE') {
    return new AppError(
      'invalid_request',
      'the connection was closed before the request was whole; send all of it',
    )
  }
  if (code === 'HPE_PAUSED_H2_UPGRADE') {
    return new AppError(
      'invalid_request',
      'this server speaks HTTP/1.1; have the client do so too (no HTTP/2)',
    )
  }
  return new AppError(
    'invalid_request',
    `this is not HTTP/1.1 as it should be${reasonOf(thrown)}; check what the client, or a proxy on the way, sends`,
  )
}

const codeOf = (thrown: Error) => ('code' in thrown ? thrown.code : undefined)

const isTimeout = (thrown: Error) => codeOf(thrown) === 'ERR_HTTP_REQUEST_TIMEOUT'

/** What the parser says: fixed sentences, without anything of the request. */
const reasonOf = (thrown: Error) =>
  'reason' in thrown && typeof thrown.reason === 'string' ? ` (${thrown.reason})` : ''
