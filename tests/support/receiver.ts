import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { expect, vi } from 'vitest'

/** One webhook as it came over the wire. */
export type Received = {
  id: string
  path: string
  headers: IncomingHttpHeaders
  /** the exact bytes */
  text: string
  // whatever was sent: tests compare it with literals
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any
  at: number
}

/** A receiver of webhooks: a real server on loopback that keeps what it was sent. Answers 200, or as `answer` does. */
export const startReceiver = async (
  answer: (response: ServerResponse, received: Received) => unknown = (response) => response.end(),
) => {
  const received: Received[] = []
  let connections = 0
  const receive = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Uint8Array[] = []
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      // the sender died in the middle of its request
      return
    }
    const text = Buffer.concat(chunks).toString()
    const one = {
      id: String(request.headers['webhook-id']),
      path: request.url ?? '',
      headers: request.headers,
      text,
      body: JSON.parse(text),
      at: Date.now(),
    }
    received.push(one)
    answer(response, one)
  }
  // receive rejects for what is no JSON, which fails the test run
  const server = createServer((request, response) => void receive(request, response))
  server.on('connection', () => (connections += 1))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0

  return {
    url: `http://127.0.0.1:${port}`,
    received,
    connections: () => connections,
    /** Resolves when so many webhooks have come. */
    untilReceived: (count: number, timeout = 20_000) =>
      vi.waitFor(() => expect(received.length).toBeGreaterThanOrEqual(count), { timeout, interval: 20 }),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export type Receiver = Awaited<ReturnType<typeof startReceiver>>

/** Settings with which webhooks may go to loopback. */
export const loopbackWebhooks = {
  ONQUEUE_WEBHOOK_ALLOW_HTTP: 'true',
  ONQUEUE_WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8,::1',
}

/** The headers as the libraries that verify signatures take them. */
export const headersOf = (received: Received | undefined) =>
  Object.fromEntries(Object.entries(received?.headers ?? {}).map(([name, value]) => [name, String(value)]))
