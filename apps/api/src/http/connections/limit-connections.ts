import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { createNetworkCheck, subscriberOf } from '@onqueue/shared'

/** Whether to refuse a request, because whoever sent it has too much open. Asked once for each. */
export type IsOneTooMany = (request: IncomingMessage, response: ServerResponse) => boolean

/** One connection too many is told so when it sends a request; where it doesn't it may not stay either. */
const silenceMs = 1000

/**
 * Counts what each address has open: its connections or, where they come from a proxy that is trusted, its requests under
 * way, by the last address in `X-Forwarded-For` that is no trusted proxy. Whatever stands before that one anybody can
 * have written.
 */
export const limitConnections = (
  server: Server,
  { max, trustedProxies }: { max: number; trustedProxies: readonly string[] },
): IsOneTooMany => {
  if (max === 0) return () => false
  const isTrusted = createNetworkCheck(trustedProxies)
  const open = countByKey()
  const tooMany = new WeakSet<Duplex>()
  const proxied = new WeakSet<Duplex>()

  server.on('connection', (socket) => {
    const { remoteAddress } = socket
    // it is closed already
    if (remoteAddress === undefined) return
    if (isTrusted(remoteAddress)) {
      proxied.add(socket)
      return
    }
    const key = subscriberOf(remoteAddress) ?? remoteAddress
    const isOneTooMany = open.add(key) > max
    socket.once('close', () => open.remove(key))
    if (!isOneTooMany) return
    tooMany.add(socket)
    const silence = setTimeout(() => socket.destroy(), silenceMs)
    for (const event of ['data', 'close']) socket.once(event, () => clearTimeout(silence))
  })

  return ({ socket, headers }, response) => {
    if (!proxied.has(socket)) return tooMany.has(socket)
    const forwarded = addressesOf(headers['x-forwarded-for'])
    const address = forwarded.findLast((one) => !isTrusted(one))
    if (address === undefined) return false
    const key = subscriberOf(address) ?? address
    const isOneTooMany = open.add(key) > max
    response.once('close', () => open.remove(key))
    return isOneTooMany
  }
}

/** `192.0.2.1, 198.51.100.7:4711, [2001:db8::1]:4711` without the ports, which some proxies add. */
const addressesOf = (header: string | string[] | undefined) =>
  String(header ?? '')
    .split(',')
    .map((part) =>
      part
        .trim()
        .replace(/^\[(.*)\](?::\d+)?$/, '$1')
        .replace(/^([\d.]+):\d+$/, '$1'),
    )
    .filter((part) => part !== '')

const countByKey = () => {
  const counts = new Map<string, number>()
  return {
    add: (key: string) => {
      const count = (counts.get(key) ?? 0) + 1
      counts.set(key, count)
      return count
    },
    remove: (key: string) => {
      const count = (counts.get(key) ?? 0) - 1
      if (count > 0) counts.set(key, count)
      else counts.delete(key)
    },
  }
}
