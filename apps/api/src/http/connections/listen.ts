import { once } from 'node:events'
import { createServer } from 'node:http'
import { toListenError, urlHost } from '@onqueue/shared'

/** Idle connections are kept for longer than load balancers do, so that they never send into one that we just closed. */
const keepAliveMs = 75_000
const maxHeadersMs = 60_000

/** An HTTP server that listens, its port, and by which URL it is reached from this machine. Throws a ConfigError when it can't have this address. */
export const listen = async ({
  host,
  port,
  requestMs = 60_000,
}: {
  host: string
  port: number
  /** how long a request may take to arrive, its body included */
  requestMs?: number
}) => {
  const server = createServer({
    keepAliveTimeout: keepAliveMs,
    requestTimeout: requestMs,
    headersTimeout: Math.min(requestMs, maxHeadersMs),
    connectionsCheckingInterval: Math.ceil(requestMs / 12),
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
  const boundPort = typeof address === 'object' && address !== null ? address.port : port
  return { server, port: boundPort, url: `http://${urlHost(host)}:${boundPort}` }
}
