import { lookup as lookupByDns } from 'node:dns/promises'
import type { LookupAddress } from 'node:dns'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { isIP, isIPv6 } from 'node:net'
import { checkWebhookUrl } from '@onqueue/shared'
import type { AddressPolicy } from '@onqueue/shared'
import { startLimits } from './attempt-limits.ts'
import type { AttemptLimits } from './attempt-limits.ts'
import type { AttemptResult } from './attempt-result.ts'
import { exchange, StaleConnection } from './exchange.ts'
import type { Answer } from './exchange.ts'
import { explain } from './explain-attempt.ts'

export type HttpAttempt = {
  /** Posts `body` once. Never throws for what the receiver does, and follows nothing. */
  post(delivery: Delivery): Promise<AttemptResult>
  /** Ends idle connections and gives up attempts under way. */
  close(): void
}

export type Delivery = { url: string | URL; headers: Readonly<Record<string, string>>; body: Buffer }

/** All addresses of a name, or a rejection with the code of getaddrinfo. */
export type Lookup = (hostname: string) => Promise<LookupAddress[]>

/**
 * Makes one HTTP attempt for an address that a stranger chose.
 *
 * A name's addresses are looked up once, all of them are held against the policy, and the socket is pinned to them: a
 * second look-up could answer differently (DNS rebinding). One refused address refuses the name, as which of them is
 * dialled is up to the network. A kept-alive connection was checked when it was made, and its name is checked again
 * before it is used.
 *
 * `connectTimeoutMs` covers DNS, TCP and TLS; `totalTimeoutMs` covers everything, to the end of the answer's body. Once
 * the status has arrived it decides: a 2xx whose body drips or breaks off is a success, as sending it again could only
 * deliver twice. Certificates are checked against Node's own and NODE_EXTRA_CA_CERTS. Proxies in the environment
 * (NODE_USE_ENV_PROXY) count for Node's global agents only; a proxy would look names up for itself.
 */
export const createHttpAttempt = ({
  addresses: policy,
  allowHttp,
  connectTimeoutMs = 3000,
  totalTimeoutMs = 15_000,
  lookup = (hostname) => lookupByDns(hostname, { all: true }),
}: {
  addresses: AddressPolicy
  allowHttp: boolean
  connectTimeoutMs?: number
  totalTimeoutMs?: number
  lookup?: Lookup
}): HttpAttempt => {
  const agents = { http: new HttpAgent(keptAlive), https: new HttpsAgent(keptAlive) }
  const underWay = new Set<AttemptLimits>()

  const attempt = async ({ url: text, headers, body }: Delivery, limits: AttemptLimits): Promise<Answer> => {
    const { url, problem } = checkWebhookUrl(String(text), { addresses: policy, allowHttp })
    if (problem !== undefined) return unanswered(problem)
    const host = hostOf(url)

    const resolved = await Promise.race([resolve(host, lookup), limits.ranOut])
    if (!resolved.every(({ address }) => policy.isAllowed(address))) return unanswered(resolvesInside(host))

    const agent = url.protocol === 'https:' ? agents.https : agents.http
    const exchangeOn = (connections: HttpAgent | false) =>
      exchange({ url, host, headers, body, addresses: resolved, agent: connections, limits })
    try {
      return await exchangeOn(agent)
    } catch (err) {
      if (!(err instanceof StaleConnection)) throw err
      limits.startConnecting()
      return exchangeOn(false)
    }
  }

  return {
    post: async (delivery) => {
      const startedAt = performance.now()
      const limits = startLimits({ connectTimeoutMs, totalTimeoutMs })
      underWay.add(limits)
      try {
        const answer = await attempt(delivery, limits).catch((err: unknown) =>
          unanswered(limits.reason() ?? explain(err)),
        )
        return { ...answer, durationMs: Math.round(performance.now() - startedAt) }
      } finally {
        limits.clear()
        underWay.delete(limits)
      }
    },
    close: () => {
      for (const limits of underWay) limits.giveUp('the server shut down before the receiver answered')
      agents.http.destroy()
      agents.https.destroy()
    },
  }
}

/** Idle connections end after 10 s, or before the receiver's `Keep-Alive: timeout` has run out. */
const keptAlive = { keepAlive: true, timeout: 10_000 }

/** As sockets and resolvers take it: without the brackets of a URL. */
const hostOf = ({ hostname }: URL) => hostname.replace(/^\[(.*)\]$/, '$1')

/** Node never looks an address up, so `lookup` of a socket is not asked about it: it has to be checked like an answer. */
const resolve = async (host: string, lookup: Lookup): Promise<LookupAddress[]> => {
  if (isIP(host) !== 0) return [{ address: host, family: isIPv6(host) ? 6 : 4 }]
  const resolved = await lookup(host)
  if (resolved.length === 0) throw Object.assign(new Error('no addresses'), { code: 'ENOTFOUND' })
  return resolved
}

const unanswered = (error: string): Answer => ({
  statusCode: null,
  error,
  retryAfter: null,
  responseHead: null,
})

/** Doesn't name the address: callers could read a network's private DNS that way. */
const resolvesInside = (host: string) =>
  `${host} resolves to a private address: give a public name, or have the networks of all its addresses added to ONQUEUE_WEBHOOK_ALLOWED_NETWORKS on the server`
