import type { HttpBindings } from '@hono/node-server'
import type { Logger } from '@onqueue/shared'
import type { Context } from 'hono'
import type { RequestHead } from './request-head.ts'
import type { UnderWay } from './under-way.ts'

/** What a request carries on its way through the Hono app. */
export type ApiEnvironment = {
  /** Node's request and response; absent where a test calls `app.request()` */
  Bindings: Partial<HttpBindings>
  Variables: {
    /** whose key submitted the request; `anonymous` without keys. Set by auth.ts */
    owner: string
    /** which of the owner's keys it came with; null without keys. Set by auth.ts, absent where a test has no app around its routes */
    keyId?: string | null
    /** set first of all, also for refused requests */
    requestId: string
    /** when the request came in, on the clock of `performance.now()`, in ms: waits are counted from here */
    arrivedAt: number
    /** what of this process' memory requests and answers have; absent where a test has no app around its routes */
    underWay?: UnderWay
    /** set where there is a quicker way to the head of the request than Hono's; see headOf */
    head?: RequestHead
    log?: Logger
  }
}

export type ApiContext = Context<ApiEnvironment>
