import { once } from 'node:events'
import type { Server } from 'node:http'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { listen } from './listen.ts'
import { serveRequests } from './serve-requests.ts'

type Options = Partial<Omit<Parameters<typeof serveRequests>[1], 'fetch' | 'log'>>

/** An app behind a real server on loopback, until the test ends. */
export const serveForTest = async (
  app: { fetch: Parameters<typeof serveRequests>[1]['fetch'] },
  options: Options = {},
): Promise<{ server: Server; port: number }> => {
  const { server, port } = await listen({ host: '127.0.0.1', port: 0 })
  serveRequests(server, { fetch: app.fetch, log: pino({ level: 'silent' }), ...options })
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return { server, port }
}
