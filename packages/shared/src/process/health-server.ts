import { once } from 'node:events'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { toListenError } from './listen-error.ts'
import type { Logger } from './logger.ts'
import { hostOfHeader, isOutOfReachOfPages } from './request-host.ts'

/** Whether a process can do its work, and otherwise why not, a sentence each; one that can may have something to tell, too. */
export type Readiness = { ready: boolean; reasons: string[] }

export type HealthServer = { port: number; close(): Promise<void> }

/**
 * Serves a process's health on a port of its own, so that probes and scrapes get through when the main port is busy,
 * closed to them, or not there at all:
 *
 * - `/livez`: 200 while the process answers;
 * - `/readyz`: 200 or 503, with the reasons; a check that takes over `timeoutMs` counts as failed;
 * - `/metrics`: Prometheus text.
 *
 * This port asks for no key, so a web page must not read what it tells of the traffic: `/metrics` is for a `Host` that no
 * page can have led here, or one of `metricsHosts`. Probes call a container by whatever name it has, and learn little.
 *
 * Resolves when it listens, with the port (of interest where `port` is 0); rejects with a ConfigError that names the two
 * settings when it can't have the address.
 */
export const startHealthServer = async ({
  port,
  host,
  hostSetting,
  portSetting,
  metricsHosts = [],
  log,
  isReady,
  metrics,
  timeoutMs = 3000,
}: {
  port: number
  host: string
  hostSetting: string
  portSetting: string
  /** names by which `/metrics` may be asked for, beside addresses, localhost and names of one label */
  metricsHosts?: readonly string[]
  log: Pick<Logger, 'info' | 'error'>
  isReady: () => Promise<Readiness>
  metrics: () => Promise<string>
  timeoutMs?: number
}): Promise<HealthServer> => {
  const answer = async (path: string | undefined, host: string | undefined, response: ServerResponse) => {
    if (path === '/livez') send(response, 200, { status: 'ok' })
    else if (path === '/readyz') {
      const { ready, reasons } = await inTime(isReady(), timeoutMs)
      send(response, ready ? 200 : 503, { status: ready ? 'ok' : 'unavailable', reasons })
    } else if (path === '/metrics' && !mayRead(host, metricsHosts)) {
      send(response, 403, { status: 'forbidden', reasons: [foreignHost] })
    } else if (path === '/metrics') {
      const text = await inTime(metrics(), timeoutMs)
      response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text)
    } else
      send(response, 404, { status: 'not found', reasons: ['this port has /livez, /readyz and /metrics'] })
  }

  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0]
    answer(path, request.headers.host, response).catch((err: unknown) => {
      log.error({ path, err }, 'health check failed')
      send(response, 503, { status: 'unavailable', reasons: ['the check itself failed; the log says why'] })
    })
  })
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (err) {
    throw toListenError(err, { host, port, hostSetting, portSetting })
  }
  const address = server.address()
  const boundPort = typeof address === 'object' && address !== null ? address.port : port
  log.info({ host, port: boundPort }, 'health port listens')

  return {
    port: boundPort,
    close: async () => {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** A request without `Host` comes from no browser. */
const mayRead = (header: string | undefined, metricsHosts: readonly string[]) => {
  if (header === undefined) return true
  const host = hostOfHeader(header)
  return isOutOfReachOfPages(host) || metricsHosts.includes(host)
}

const foreignHost =
  'the Host of this request is foreign: ask by address, as localhost or by a name without a dot, or add the name to ONQUEUE_METRICS_HOSTS'

const send = (response: ServerResponse, status: number, body: { status: string; reasons?: string[] }) => {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}

const inTime = async <Result>(check: Promise<Result>, timeoutMs: number): Promise<Result> => {
  const stop = new AbortController()
  const tooLate = sleep(timeoutMs, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`no answer within ${timeoutMs / 1000} s`)
  })
  try {
    return await Promise.race([check, tooLate])
  } finally {
    stop.abort()
  }
}
