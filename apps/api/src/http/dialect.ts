import type { OpenAPIHono } from '@hono/zod-openapi'
import type { AppError } from '@onqueue/shared'
import type { ApiContext, ApiEnvironment } from './api-environment.ts'
import type { HotRoute } from './hot-route.ts'
import type { RequestHead } from './request-head.ts'

/**
 * A way to talk to this server: paths of its own, and all that is particular to requests and answers there. What happens
 * to a request before it meets a route (the guard, the key, 404 and 405) is done alike for all of them and said in the
 * words of the dialect whose path it is.
 *
 * A dialect is made of the surfaces `Predictions`, `Models` and `Deliveries` and lives in a folder of `dialects/`. It reads
 * its bodies itself, by `createJsonReader` or otherwise.
 */
export type Dialect = OpenPaths & {
  /** for people */
  name: string
  routes: OpenAPIHono<ApiEnvironment>
  /** those of its routes that most requests are for */
  hotRoutes?: readonly HotRoute[]
  /** Whether a path is its own, with a route or without. */
  ownsPath: (path: string) => boolean
  /** Any error as its clients expect it: status and body. The headers that go with the error are there already. */
  toErrorResponse: (c: ApiContext, err: AppError) => Response
  /** The API key that a request presents. Throws `unauthorized` where there is none, or it can't be read. */
  readKey: (request: RequestHead) => string
  /** Whether the request carries what opens this one path without a key. Throws `unauthorized` where that is wrong. */
  opensWithoutKey?: (request: RequestHead) => boolean
}

/** What of a set of routes is open. They tell no more than that the server is there and what its models look like. */
export type OpenPaths = {
  /** Whether a path needs no key in any mode. */
  isOpen: (path: string) => boolean
  /** Whether it is one for probes, which call a container by whatever name it has: any `Host` is let in. */
  isProbe: (path: string) => boolean
}

export type DialectOfPath = (path: string) => Dialect

/** Finds whose path it is: the first's, where no other dialect owns it. */
export const createDialectFinder =
  ([ground, ...others]: readonly [Dialect, ...Dialect[]]): DialectOfPath =>
  (path) =>
    others.find((dialect) => dialect.ownsPath(path)) ?? ground
