import { lookup as lookupByDns } from 'node:dns/promises'
import type { LookupAddress } from 'node:dns'
import { Agent as HttpAgent, request as requestByHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestByHttps } from 'node:https'
import { isIP, isIPv6 } from 'node:net'
import type { LookupFunction, Socket } from 'node:net'
import { checkWebhookUrl } from '@onqueue/shared'
import type { AddressPolicy } from '@onqueue/shared'
import { codeOf, disconnected, explain, problemOfStatus } from './explain-attempt.ts'

/** What came of one attempt. `error` is null for 2xx and otherwise a short sentence for people. */
export type AttemptResult = {
  /** null when no answer came */
  statusCode: number | null
  error: string | null
  /** the header as received: seconds or a date (RFC 9110 §10.2.3) */
  retryAfter: string | null
  /** up to 1 KiB of the answer's body, as UTF-8; null when there was none */
  responseHead: string | null
  durationMs: number
}

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
  const underWay = new Set<Limits>()

  const attempt = async ({ url: text, headers, body }: Delivery, limits: Limits): Promise<Answer> => {
    const { url, problem } = checkWebhookUrl(String(text), { addresses: policy, allowHttp })
    if (problem !== undefined) return unanswered(problem)
    const host = hostOf(url)

    const resolved = await Promise.race([resolve(host, lookup), limits.ranOut])
    if (!resolved.every(({ address }) => policy.isAllowed(address))) return unanswered(resolvesInside(host))

    const agent = url.protocol === 'https:' ? agents.https : agents.http
    const exchangeOn = (connections: HttpAgent | false) =>
      exchange({ url, headers, body, addresses: resolved, agent: connections, limits })
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

type Answer = Omit<AttemptResult, 'durationMs'>
type Limits = ReturnType<typeof startLimits>

/** Idle connections end after 10 s, or before the receiver's `Keep-Alive: timeout` has run out. */
const keptAlive = { keepAlive: true, timeout: 10_000 }

const maxHeaderBytes = 16 * 1024
const maxBodyBytes = 64 * 1024
const headBytes = 1024

/** The receiver closed a kept-alive connection while we took it up again: the request has met nobody. */
class StaleConnection extends Error {
  override readonly name = 'StaleConnection'
}

const startLimits = ({
  connectTimeoutMs,
  totalTimeoutMs,
}: {
  connectTimeoutMs: number
  totalTimeoutMs: number
}) => {
  const controller = new AbortController()
  const { signal } = controller
  let reason: string | undefined
  const giveUp = (sentence: string) => {
    reason ??= sentence
    controller.abort()
  }
  const limit = (ms: number, what: string) => setTimeout(giveUp, ms, `no ${what} within ${ms / 1000} s`)

  const total = limit(totalTimeoutMs, 'answer')
  let connecting = limit(connectTimeoutMs, 'connection')
  return {
    signal,
    /** rejects when a limit is reached; `reason` says which */
    ranOut: new Promise<never>((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(new Error('given up')), { once: true }),
    ),
    reason: () => reason,
    giveUp,
    startConnecting: () => {
      clearTimeout(connecting)
      connecting = limit(connectTimeoutMs, 'connection')
    },
    connected: () => clearTimeout(connecting),
    clear: () => {
      clearTimeout(total)
      clearTimeout(connecting)
    },
  }
}

/** As sockets and resolvers take it: without the brackets of a URL. */
const hostOf = ({ hostname }: URL) => hostname.replace(/^\[(.*)\]$/, '$1')

/** Node never looks an address up, so `lookup` of a socket is not asked about it: it has to be checked like an answer. */
const resolve = async (host: string, lookup: Lookup): Promise<LookupAddress[]> => {
  if (isIP(host) !== 0) return [{ address: host, family: isIPv6(host) ? 6 : 4 }]
  const resolved = await lookup(host)
  if (resolved.length === 0) throw Object.assign(new Error('no addresses'), { code: 'ENOTFOUND' })
  return resolved
}

const exchange = ({
  url,
  headers,
  body,
  addresses,
  agent,
  limits,
}: Delivery & { url: URL; addresses: LookupAddress[]; agent: HttpAgent | false; limits: Limits }) =>
  new Promise<Answer>((resolve, reject) => {
    const isHttps = url.protocol === 'https:'
    const host = hostOf(url)
    const options = {
      method: 'POST',
      host,
      port: url.port,
      path: `${url.pathname}${url.search}`,
      headers,
      agent,
      lookup: answerWith(addresses),
      signal: limits.signal,
      maxHeaderSize: maxHeaderBytes,
    }
    // SNI has neither addresses nor a dot at the end (RFC 6066 §3).
    const servername = isIP(host) === 0 ? host.replace(/\.$/, '') : ''
    const request = isHttps ? requestByHttps({ ...options, servername }) : requestByHttp(options)

    let connection: Socket | undefined
    let bytesReadBefore = 0
    let isAnswered = false
    request.once('socket', (socket) => {
      connection = socket
      bytesReadBefore = socket.bytesRead
      if (request.reusedSocket) limits.connected()
      else socket.once(isHttps ? 'secureConnect' : 'connect', limits.connected)
    })
    request.on('error', (err) => {
      // A body that breaks off: the response's `close` follows, and the status stands.
      if (isAnswered) return
      const isSilent = connection?.bytesRead === bytesReadBefore
      const isStale = request.reusedSocket && isSilent && disconnected.has(codeOf(err) ?? '')
      reject(isStale ? new StaleConnection('stale', { cause: err }) : err)
    })
    request.once('response', (response) => {
      isAnswered = true
      const head: Buffer[] = []
      let receivedBytes = 0
      response.on('data', (chunk: Buffer) => {
        if (receivedBytes < headBytes) head.push(chunk.subarray(0, headBytes - receivedBytes))
        receivedBytes += chunk.length
        if (receivedBytes >= maxBodyBytes) response.destroy()
      })
      response.on('error', () => {})
      response.once('close', () => {
        const statusCode = response.statusCode ?? 0
        resolve({
          statusCode,
          error: problemOfStatus(statusCode, response.headers.location, url),
          retryAfter: response.headers['retry-after'] ?? null,
          responseHead: textOf(Buffer.concat(head)),
        })
      })
    })
    request.end(body)
  })

/** The `lookup` of a socket; `all` is how a socket asks that tries IPv6 and IPv4 side by side (RFC 8305). */
const answerWith =
  (addresses: LookupAddress[]): LookupFunction =>
  (_hostname, { all }, callback) => {
    if (all === true) callback(null, addresses)
    else callback(null, addresses[0]?.address ?? '', addresses[0]?.family)
  }

/** A character that was cut off at the end is left out. */
const textOf = (bytes: Buffer) =>
  bytes.length === 0 ? null : new TextDecoder().decode(bytes, { stream: true })

const unanswered = (error: string): Answer => ({
  statusCode: null,
  error,
  retryAfter: null,
  responseHead: null,
})

/** Doesn't name the address: callers could read a network's private DNS that way. */
const resolvesInside = (host: string) =>
  `${host} resolves to a private address: give a public name, or have the networks of all its addresses added to ONQUEUE_WEBHOOK_ALLOWED_NETWORKS on the server`
