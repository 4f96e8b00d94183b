import {
  AppError,
  ConfigError,
  hostOfHeader,
  hostOfOrigin,
  isLoopbackHost,
  isOutOfReachOfPages,
} from '@onqueue/shared'
import type { Guard } from '../http/let-in.ts'
import type { RequestHead } from '../http/request-head.ts'

/**
 * Keeps web pages out of an API that asks for no keys.
 *
 * Every page that a browser on this machine (or in this network) shows can send requests to our port. Two kinds matter:
 * a page of evil.example that posts here (the browser says so in `Origin` and `Sec-Fetch-Site`), and DNS rebinding,
 * where evil.example itself resolves to our address, so that to the browser it is the same origin (`Host` still says
 * evil.example). So a request is refused when its `Host`, `Origin` or `Sec-Fetch-Site` is foreign:
 *
 * | may be in         | `Host`                                      | `Origin`                     |
 * | ----------------- | ------------------------------------------- | ---------------------------- |
 * | always            | loopback, the host of ONQUEUE_PUBLIC_URL    | the same, and the `Host`     |
 * | allowAnonymous    | also names of one label, and IP addresses   | the same, and the `Host`     |
 *
 * In allowAnonymous mode other machines and containers may call: `http://api:8080` in Compose, `http://192.168.1.7:8080`
 * in a network. Neither can be rebound: nobody can publish a name of one label in the DNS, and an address is not looked
 * up. A name with a dot can, so it has to be ONQUEUE_PUBLIC_URL's. A request without `Host` comes from no browser.
 */
export const createLoopbackGuard = ({
  isActive,
  isProbe,
  isPage,
  publicUrl,
  allowAnonymous,
  corsOrigins = [],
}: {
  /** whether keys are absent; with keys a web page has none and this guard has nothing to do */
  isActive: () => boolean
  /** paths that tell nothing, and that probes call by whatever name a container has */
  isProbe: (path: string) => boolean
  /** pages that a link from anywhere may lead to: the page with the link sees nothing of what it opens */
  isPage: (path: string) => boolean
  publicUrl: string
  allowAnonymous: boolean
  /** origins that the operator names; `*` names none, or every page of the web could use a server without keys */
  corsOrigins?: readonly string[]
}): Guard => {
  const publicHost = new URL(publicUrl).hostname
  const isOwnHost = (host: string) => host === publicHost || isLoopbackHost(host)
  const isReachableHost = (host: string) => isOwnHost(host) || (allowAnonymous && isOutOfReachOfPages(host))

  const hostOf = rememberLast(hostOfHeader)

  return (request) => {
    if (!isActive() || isProbe(request.path)) return

    const hostHeader = request.header('host')
    const host = hostHeader === undefined ? undefined : hostOf(hostHeader)
    if (host !== undefined && !isReachableHost(host)) {
      throw refusal(
        'the Host of this request is foreign',
        'call it as localhost or 127.0.0.1, or set ONQUEUE_PUBLIC_URL to the address that clients use',
      )
    }
    const origin = request.header('origin')
    if (origin !== undefined && origin !== '*' && corsOrigins.includes(origin)) return
    if (origin !== undefined && !isOwnHost(hostOfOrigin(origin)) && hostOfOrigin(origin) !== host) {
      throw refusal(
        'it was sent by a page of another site (Origin)',
        'call it from a server, or name the page in ONQUEUE_CORS_ORIGINS',
      )
    }
    if (isSaid(request, 'sec-fetch-site', 'cross-site') && !(isPage(request.path) && isVisit(request))) {
      throw refusal(
        'it was sent by a page of another site (Sec-Fetch-Site: cross-site)',
        'call it from a server, or type the address into the browser',
      )
    }
  }
}

/**
 * Throws a ConfigError, one sentence, when the API would be open to the network without asking for keys.
 * `host` is the address to listen on.
 */
export const checkListenAddress = ({
  host,
  hasKeys,
  allowAnonymous,
}: {
  host: string
  hasKeys: boolean
  allowAnonymous: boolean
}) => {
  if (hasKeys || allowAnonymous || isLoopbackHost(host.includes(':') ? `[${host}]` : host)) return
  throw new ConfigError(
    `there are no API keys, so everybody who reaches ${host} could use this server: make a key (npm run keys -- create NAME), ` +
      'listen on 127.0.0.1, or set ONQUEUE_ALLOW_ANONYMOUS=true where something else keeps strangers out',
  )
}

/** A person follows a link, rather than a page sending a request. */
const isVisit = (request: RequestHead) =>
  request.method === 'GET' &&
  isSaid(request, 'sec-fetch-mode', 'navigate') &&
  isSaid(request, 'sec-fetch-dest', 'document')

/** However it is written, and whatever a proxy adds to it. */
const isSaid = (request: RequestHead, header: string, token: string) =>
  request
    .header(header)
    ?.toLowerCase()
    .split(/[,;]/)
    .some((part) => part.trim() === token) ?? false

/** Callers send the same `Host` again and again, and parsing it costs more than the rest of the guard. */
const rememberLast = (compute: (key: string) => string) => {
  let last: { key: string; value: string } | undefined
  return (key: string) => {
    if (last?.key !== key) last = { key, value: compute(key) }
    return last.value
  }
}

const refusal = (what: string, remedy: string) =>
  new AppError(
    'forbidden',
    `this server asks for no API keys, so no web page may reach it, and ${what}: ${remedy}`,
  )
