import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import { createServer as createTcpServer, isIPv6 } from 'node:net'
import type { Server, Socket } from 'node:net'
import { createAddressPolicy } from '@onqueue/shared'
import { pickPort } from '../../../../scripts/redis/ports.ts'
import { afterEach } from 'vitest'
import { createHttpAttempt } from './http-attempt.ts'
import type { HttpAttempt, Lookup } from './http-attempt.ts'

export const opened: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close()
})

/** Listens until the test is over, and keeps what connected. */
export const listen = async (server: Server, { port = 0, host = '127.0.0.1' } = {}) => {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.listen(port, host)
  await once(server, 'listening')
  opened.push({
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(resolve))
    },
  })
  const address = server.address()
  return { sockets, port: typeof address === 'object' && address !== null ? address.port : 0 }
}

export const startReceiver = async (
  answer: RequestListener = (_request, response) => response.end('ok'),
  listenOn?: { port?: number; host?: string },
) => {
  const server = createServer(answer)
  const { sockets, port } = await listen(server, listenOn)
  return { url: `http://127.0.0.1:${port}/hooks`, port, connections: () => sockets.size }
}

/** Speaks bytes: for what no HTTP server would do. `answer` is called for each piece that arrives. */
export const startTcpReceiver = async (answer: (socket: Socket, connection: number) => void = () => {}) => {
  let connections = 0
  const server = createTcpServer((socket) => {
    connections += 1
    const connection = connections
    socket.on('data', () => answer(socket, connection))
  })
  const { port } = await listen(server)
  return { url: `http://127.0.0.1:${port}/hooks`, port, connections: () => connections }
}

export const hasIpv6 = await new Promise<boolean>((resolve) => {
  const probe = createTcpServer()
  probe.once('error', () => resolve(false))
  probe.listen(0, '::1', () => probe.close(() => resolve(true)))
})

/**
 * What must not be reached: a port on 127.0.0.1 and ::1. `dialled` connects itself before it counts the others, as
 * connections are accepted in the order in which they were made.
 */
export const startForbidden = async () => {
  // the same on both, so none that an outgoing connection may have on one of them
  const port = await pickPort()
  const v4 = await startReceiver(undefined, { port, host: '127.0.0.1' })
  const v6 = hasIpv6 ? await startReceiver(undefined, { port, host: '::1' }) : undefined
  const countOn = async (host: string, receiver: { connections(): number } | undefined) => {
    if (receiver === undefined) return 0
    const response = await fetch(`http://${host}:${v4.port}/`)
    await response.text()
    return receiver.connections() - 1
  }
  return {
    port: v4.port,
    dialled: async () => (await countOn('127.0.0.1', v4)) + (await countOn('[::1]', v6)),
  }
}

export const startAttempt = ({
  allowedNetworks = ['127.0.0.1'],
  lookup = async () => [],
  allowHttp = true,
  ...limits
}: {
  allowedNetworks?: string[]
  lookup?: Lookup
  allowHttp?: boolean
  connectTimeoutMs?: number
  totalTimeoutMs?: number
} = {}): HttpAttempt => {
  const attempt = createHttpAttempt({
    addresses: createAddressPolicy({ allowedNetworks }),
    allowHttp,
    lookup,
    ...limits,
  })
  opened.push(attempt)
  return attempt
}

export const deliveryTo = (url: string) => ({
  url,
  headers: { 'content-type': 'application/json', 'webhook-id': 'msg_1' },
  body: Buffer.from('{"status":"succeeded"}'),
})

/** Plays the DNS: each look-up takes the next answer, and the last one stays. */
export const playDns = (...answers: string[][]) => {
  const asked: string[] = []
  const lookup = async (hostname: string): Promise<LookupAddress[]> => {
    asked.push(hostname)
    const answer = answers[Math.min(asked.length, answers.length) - 1] ?? []
    return answer.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }))
  }
  return { lookup, asked }
}

export const answerOf = (statusLine: string, body = '') =>
  `HTTP/1.1 ${statusLine}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
