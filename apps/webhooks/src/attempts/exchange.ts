import type { LookupAddress } from 'node:dns'
import { request as requestByHttp } from 'node:http'
import type { Agent } from 'node:http'
import { request as requestByHttps } from 'node:https'
import { isIP } from 'node:net'
import type { LookupFunction, Socket } from 'node:net'
import type { AttemptLimits } from './attempt-limits.ts'
import type { AttemptResult } from './attempt-result.ts'
import { codeOf, disconnected, problemOfStatus } from './explain-attempt.ts'

export type Answer = Omit<AttemptResult, 'durationMs'>

/** The receiver closed a kept-alive connection while we took it up again: the request has met nobody. */
export class StaleConnection extends Error {
  override readonly name = 'StaleConnection'
}

const maxHeaderBytes = 16 * 1024
const maxBodyBytes = 64 * 1024
const maxHeadBytes = 1024

/**
 * Posts `body` over one connection, to one of `addresses`, and reads the answer; `agent: false` makes a new connection.
 * Resolves once there is a status and the body has ended, was enough, or broke off. Rejects when no status came: with a
 * `StaleConnection` where it can be sent again without doubt.
 */
export const exchange = ({
  url,
  host,
  headers,
  body,
  addresses,
  agent,
  limits,
}: {
  url: URL
  /** of the URL, as sockets take it */
  host: string
  headers: Readonly<Record<string, string>>
  body: Buffer
  addresses: LookupAddress[]
  agent: Agent | false
  limits: AttemptLimits
}) =>
  new Promise<Answer>((resolve, reject) => {
    const isHttps = url.protocol === 'https:'
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
      else socket.once(isHttps ? 'secureConnect' : 'connect', () => limits.connected())
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
        if (receivedBytes < maxHeadBytes) head.push(chunk.subarray(0, maxHeadBytes - receivedBytes))
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
