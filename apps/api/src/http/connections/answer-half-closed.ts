import type { Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ExchangeOf } from './refuse-unparsed.ts'

/**
 * Of a caller that stays most answers are there before it is asked. What draws a reset of one who left does not tell of
 * it, only the ask after that does.
 */
const firstAsksMs = 250
const laterAsksMs = 5000
/** A caller of HTTP/1.0 can't be asked; it counts as gone after this. */
const unaskedMs = 2000

/**
 * Lets a client that closed its half of the connection have its answer.
 *
 * A client that left sends the same as one that says it has nothing more to send (`nc -N`, `socat`), and the work of the
 * first is to be canceled. So who is still waited for is asked, by sending what every client throws away: `100 Continue`
 * before a response (RFC 9110, section 15.2), a comment in a stream of events. The system of a client that left answers
 * that with a reset, and then the connection closes as it always did.
 */
export const answerHalfClosed = (server: Server, { exchangeOf }: { exchangeOf: ExchangeOf }) => {
  // of Node, but not in its types; without it Node ends our half too
  Object.assign(server, { httpAllowHalfOpen: true })
  server.on('connection', (socket) => {
    socket.once('end', () => {
      const exchange = exchangeOf(socket)
      if (exchange) watchForLeaving(socket, exchange.response)
    })
  })
}

const watchForLeaving = (socket: Duplex, response: ServerResponse) => {
  let timer: NodeJS.Timeout | undefined
  const ask = () => {
    // the type of a stream is told to Node itself where it is made, or it would not know it here
    if (!response.headersSent) response.writeContinue()
    else if (response.getHeader('content-type') === 'text/event-stream') response.write(': still here\n\n')
  }
  const askAgain = (asked: number) => {
    timer = setTimeout(
      () => {
        ask()
        askAgain(asked + 1)
      },
      asked < 2 ? firstAsksMs : laterAsksMs,
    )
  }

  if (response.req.httpVersionMinor === 0) timer = setTimeout(() => socket.destroy(), unaskedMs)
  else askAgain(0)
  response.once('close', () => clearTimeout(timer))
}
