import { isIP, isIPv4 } from 'node:net'

/**
 * The host of a `Host` header or an origin in its one normal spelling, as in a URL: IPv6 in brackets. Empty for what is
 * none, such as `null`.
 */
export const hostOfHeader = (header: string) => hostOfOrigin(`http://${header}`)

export const hostOfOrigin = (origin: string) =>
  URL.canParse(origin) ? new URL(origin).hostname.replace(/\.$/, '') : ''

export const isLoopbackHost = (host: string) =>
  host === 'localhost' ||
  host.endsWith('.localhost') ||
  host === '[::1]' ||
  (isIPv4(host) && host.startsWith('127.'))

/**
 * Whether a web page can't have made this name lead here (DNS rebinding: evil.example, to whose page the browser lets
 * read what evil.example answers, resolves to our address). Nobody can publish a name of one label in the DNS, and an
 * address is not looked up.
 */
export const isOutOfReachOfPages = (host: string) =>
  isLoopbackHost(host) || /^[a-z0-9_-]+$/.test(host) || isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0
