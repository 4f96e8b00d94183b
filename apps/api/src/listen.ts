import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { ConfigError } from '@onqueue/shared'

/** Idle connections are kept for longer than load balancers do, so that they never send into one that we just closed. */
const keepAliveMs = 75_000
/** After this, connections that still carry a request are cut. */
const closeGraceMs = 5000

/** An HTTP server that listens, and its port. Throws a ConfigError when it can't have this address. */
export const listen = async ({ host, port }: { host: string; port: number }) => {
  const server = createServer({ keepAliveTimeout: keepAliveMs })
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (err) {
    const reason = err instanceof Error && 'code' in err ? String(err.code) : String(err)
    throw new ConfigError(
      reason === 'EADDRINUSE'
        ? `port ${port} is in use; stop what uses it, or set PORT to another one`
        : `can't listen on ${host}, port ${port} (${reason}); set ONQUEUE_HOST and PORT to what this machine has`,
      { cause: err },
    )
  }
  const address = server.address()
  return { server, port: typeof address === 'object' && address !== null ? address.port : port }
}

/** Takes no more connections and lets requests finish for a while. */
export const stopListening = async (server: Server) => {
  if (!server.listening) return
  const timer = setTimeout(() => server.closeAllConnections(), closeGraceMs)
  const closed = once(server, 'close')
  server.close()
  await closed
  clearTimeout(timer)
}
