import { isIP } from 'node:net'
import type { AddressPolicy } from './address-policy.ts'

/** `problem` is one sentence for the caller: what is wrong and what to do. It repeats the host at most, never a secret. */
export type WebhookUrlCheck = { url: URL; problem?: never } | { problem: string; url?: never }

/**
 * Whether a webhook may be sent to an address: asked when a prediction is submitted, and again before each attempt, as
 * settings change. It looks at the text alone; what a name resolves to is checked when it is dialled.
 *
 * The host is judged as the WHATWG URL parser spells it, so `0x7f.1`, `2130706433`, `①②⑦.0.0.1` and `%6cocalhost` are what
 * they are dialled as. A fragment is refused: it is never sent (RFC 9110 §4.2.5).
 *
 * Names that only make sense inside a network (one label, or below `.local`, `.internal`, `.home.arpa`) pass as soon as
 * some network is allowed; `localhost` and names below it pass when loopback is allowed.
 */
export const checkWebhookUrl = (
  text: string,
  { addresses, allowHttp }: { addresses: AddressPolicy; allowHttp: boolean },
): WebhookUrlCheck => {
  if (text.length > maxCharacters) return tooLong
  const url = URL.parse(text)
  if (url === null) {
    return { problem: 'this is not a URL: give a whole one, such as https://example.com/hooks' }
  }
  if (text.includes('#')) {
    return { problem: 'what follows a # in a URL is never sent: leave it out, or put it into the query' }
  }
  // the parser drops them wherever they are
  if (/[\t\n\r]/.test(text)) return { problem: 'there is a tab or a line break in this URL: leave it out' }
  // Escaping can make it longer, and the longer text is what is kept and sent.
  if (url.href.length > maxCharacters) return tooLong
  const problem =
    problemOfScheme(url, allowHttp) ??
    problemOfUserinfo(url) ??
    problemOfPort(url) ??
    problemOfHost(url, addresses)
  return problem === undefined ? { url } : { problem }
}

const maxCharacters = 2048

// written out: formatting one number loads what is known of languages, which every start of an app would wait for
const tooLong = { problem: 'this URL is longer than 2,048 characters: give a shorter one' }

/** Doesn't repeat the scheme: that of `name:password@example.com` is the name. */
const problemOfScheme = ({ protocol }: URL, allowHttp: boolean) => {
  if (protocol === 'https:' || (protocol === 'http:' && allowHttp)) return undefined
  if (protocol === 'http:') {
    return 'webhooks go over https only: give an https:// address, or have ONQUEUE_WEBHOOK_ALLOW_HTTP=true set on the server'
  }
  return `webhooks go over ${allowHttp ? 'https or http' : 'https only'}: give an https:// address`
}

const problemOfUserinfo = ({ username, password }: URL) =>
  username === '' && password === ''
    ? undefined
    : 'a user name or password in the URL is not sent: leave it out, and check the signature instead'

/** Low ports belong to mail, shells and the like, which can be made to take a request for one of their own commands. */
const problemOfPort = ({ port }: URL) =>
  port === '' || port === '80' || port === '443' || Number(port) >= 1024
    ? undefined
    : `port ${port} is not for webhooks: use 443, 80, or 1024 and above`

const problemOfHost = ({ hostname }: URL, addresses: AddressPolicy) => {
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  if (isIP(host) !== 0) {
    return addresses.isAllowed(host) ? undefined : notPublic(`the address ${host} is not public`)
  }
  const labels = host.split('.')
  if (labels.includes('') || host.length > maxNameCharacters) {
    return 'the host of this URL is not a name that the DNS can hold: correct it'
  }
  if (labels.at(-1) === 'localhost') {
    const isLoopbackAllowed = loopback.some((address) => addresses.isAllowed(address))
    return isLoopbackAllowed ? undefined : notPublic(`${host} is this server itself`)
  }
  const isLocalName = labels.length === 1 || localSuffixes.some((suffix) => `.${host}`.endsWith(suffix))
  return isLocalName && !addresses.hasAllowedNetworks
    ? notPublic(`${host} is a name inside a local network`)
    : undefined
}

/** RFC 1035 §2.3.4, as text and without the dot at the end */
const maxNameCharacters = 253

const loopback = ['127.0.0.1', '::1']

/** RFC 6762 (mDNS), ICANN 2024-07-29 (private use; clouds' metadata.google.internal), RFC 8375 (home networks). */
const localSuffixes = ['.local', '.internal', '.home.arpa']

const notPublic = (what: string) =>
  `${what}: give a public one, or have its network added to ONQUEUE_WEBHOOK_ALLOWED_NETWORKS on the server`
