import { STATUS_CODES } from 'node:http'

// The sentences of the delivery log, for people at the receiver's end.

/** What is wrong with the status of an answer; null for 2xx. */
export const problemOfStatus = (statusCode: number, location: string | undefined, url: URL) => {
  if (statusCode >= 200 && statusCode < 300) return null
  if (statusCode < 300 || statusCode >= 400) {
    const meaning = STATUS_CODES[statusCode]
    return `the receiver answered ${statusCode}${meaning === undefined ? '' : ` (${meaning})`}`
  }
  const target = location === undefined ? null : URL.parse(location, url.href)
  // The path can hold a token; the origin of a scheme that has none is the text "null".
  const isShown = target !== null && target.origin !== 'null' && target.origin.length <= maxOriginCharacters
  return `the receiver answered ${statusCode}${isShown ? `, pointing to ${target.origin}` : ''}: redirects are not followed, so give the final URL`
}

const maxOriginCharacters = 300

/** The codes of a connection that the other side ended. */
export const disconnected = new Set(['ECONNRESET', 'EPIPE'])

/** Says what happened without the addresses that Node's messages hold. */
export const explain = (err: unknown) => {
  const code = codeOf(err) ?? 'no code'
  if (disconnected.has(code)) return 'the receiver dropped the connection before it answered'
  if (/^(ENOTFOUND|ENODATA)$/.test(code)) return 'the name of the receiver is not in the DNS'
  if (code.startsWith('EAI_')) return `the name of the receiver could not be looked up (${code})`
  if (code === 'ECONNREFUSED') return 'the connection was refused: nothing listens there'
  if (/^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ETIMEDOUT)$/.test(code))
    return `the receiver can't be reached (${code})`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return "the receiver's certificate is for another name"
  if (/CERT|^UNABLE_TO_/.test(code)) return `the receiver's certificate is not trusted (${code})`
  if (/^(EPROTO|ERR_SSL_.*|ERR_TLS_.*)$/.test(code)) return `no TLS came about with the receiver (${code})`
  if (code === 'HPE_HEADER_OVERFLOW') return 'the headers of the answer are larger than 16 KiB'
  if (code.startsWith('HPE_')) return `the answer is not HTTP (${code})`
  return `the attempt failed (${code})`
}

export const codeOf = (err: unknown) =>
  err instanceof Error && 'code' in err && typeof err.code === 'string' ? err.code : undefined
