import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { toListenError } from '@onqueue/shared'

/** Idle connections are kept for longer than load balancers do, so that they never send into one that we just closed. */
const keepAliveMs = 75_000
/** How often connections are looked at that have become idle while the server closes. */
const idleCheckMs = 50
/** After this, connections that still carry a request are cut. */
const closeGraceMs = 5000

/** An HTTP server that listens, and its port. Throws a ConfigError when it can't have this address. */
export const listen = async ({ host, port }: { host: string; port: number }) => {
  const server = createServer({
    keepAliveTimeout: keepAliveMs,
    // asked for by serveRequests, which says so in the answer
    requireHostHeader: false,
  })
  // the size of all headers is bounded; past a number of them Node would leave out the rest without a word
  server.maxHeadersCount = 0
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (err) {
    throw toListenError(err, { host, port, hostSetting: 'ONQUEUE_HOST', portSetting: 'PORT' })
  }
  const address = server.address()
  return { server, port: typeof address === 'object' && address !== null ? address.port : port }
}

/** Takes no more connections and lets requests finish for a while. */
export const stopListening = async (server: Server) => {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  // a connection that is kept alive after its last answer would hold up the end
  const idleCheck = setInterval(() => server.closeIdleConnections(), idleCheckMs)
  const grace = setTimeout(() => server.closeAllConnections(), closeGraceMs)
  await closed
  clearInterval(idleCheck)
  clearTimeout(grace)
}
