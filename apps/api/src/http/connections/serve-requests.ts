import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { getRequestListener, RequestError } from '@hono/node-server'
import { AppError, httpStatusOf } from '@onqueue/shared'
import type { Logger } from '@onqueue/shared'
import { problemText, problemType } from '../errors/problem.ts'
import { answerHalfClosed } from './answer-half-closed.ts'
import { deferContinue } from './expect-continue.ts'
import { limitConnections } from './limit-connections.ts'
import { answerRefusal } from './refusal.ts'
import { refuseUnparsed } from './refuse-unparsed.ts'

/** Has a server that listens answer by an app, and by itself what can't reach the app. */
export const serveRequests = (
  server: Server,
  {
    fetch,
    log,
    connectionsPerAddress = 0,
    trustedProxies = [],
    onConnectionRefused = () => undefined,
  }: {
    fetch: Parameters<typeof getRequestListener>[0]
    log: Pick<Logger, 'debug' | 'error'>
    /** 0 bounds none */
    connectionsPerAddress?: number
    /** networks whose `X-Forwarded-For` is believed */
    trustedProxies?: readonly string[]
    onConnectionRefused?: () => void
  },
) => {
  const exchanges = new WeakMap<Duplex, { request: IncomingMessage; response: ServerResponse }>()
  const exchangeOf = (socket: Duplex) => {
    const exchange = exchanges.get(socket)
    return exchange?.response.writableEnded ? undefined : exchange
  }
  answerHalfClosed(server, { exchangeOf })
  refuseUnparsed(server, { exchangeOf, log })
  deferContinue(server)
  const isOneTooMany = limitConnections(server, { max: connectionsPerAddress, trustedProxies })

  const answer = getRequestListener(fetch, {
    // HTTP/1.0 may come without a Host
    hostname: 'localhost',
    errorHandler: (err) => toResponse(err, log),
  })
  server.on('request', (request, response) => {
    exchanges.set(request.socket, { request, response })
    if (isOneTooMany(request, response)) {
      onConnectionRefused()
      answerRefusal(response, tooManyConnections(connectionsPerAddress))
      return
    }
    if (request.headers.host === undefined && request.httpVersionMinor > 0) {
      answerRefusal(response, new AppError('invalid_request', 'HTTP/1.1 asks for a Host header; add it'))
      return
    }
    // answer never rejects
    void answer(request, response)
  })
}

const tooManyConnections = (max: number) =>
  new AppError(
    'too_many_connections',
    `your address has more than ${max} connections open here: close some, or use them again; the operator can raise ` +
      'ONQUEUE_CONNECTIONS_PER_ADDRESS, and names the proxies in front of this server in ONQUEUE_TRUSTED_PROXIES',
    { retryAfterSeconds: 1 },
  )

/** A request that can't even be made one for the app. The app itself never throws. */
const toResponse = (thrown: unknown, log: Pick<Logger, 'error'>) => {
  const isTheirs = thrown instanceof RequestError
  if (!isTheirs) log.error({ err: thrown }, 'request failed')
  const err = isTheirs
    ? new AppError(
        'invalid_request',
        `the address of this request can't be read (${thrown.message}); check its path and its Host header`,
      )
    : new AppError('internal_error', 'something went wrong here; the log has it')
  const requestId = randomUUID()
  return new Response(problemText(err, requestId), {
    status: httpStatusOf[err.code],
    headers: { 'Content-Type': problemType, 'X-Request-Id': requestId },
  })
}
