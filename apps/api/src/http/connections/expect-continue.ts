import type { IncomingMessage, Server } from 'node:http'
import type { ApiContext } from '../api-environment.ts'

/** Requests whose clients wait to be told to send their bodies. */
const waiting = new WeakSet<IncomingMessage>()

/**
 * Has a client that says `Expect: 100-continue` be told to send its body when somebody wants it, and not before: so one that
 * is refused has sent nothing in vain. (Node says at the response by itself that the connection of such a one is closed.)
 */
export const deferContinue = (server: Server) =>
  server.on('checkContinue', (request, response) => {
    const { headers } = request
    const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
    if (hasBody) waiting.add(request)
    else response.writeContinue()
    server.emit('request', request, response)
  })

/** To be called by who begins to read a body. */
export const askForBody = ({ env }: Pick<ApiContext, 'env'>) => {
  if (env?.incoming && waiting.delete(env.incoming)) env.outgoing?.writeContinue()
}

/** Whether nobody has told the client to send its body: then none will come. */
export const isBodyUnasked = (request: IncomingMessage) => waiting.has(request)
