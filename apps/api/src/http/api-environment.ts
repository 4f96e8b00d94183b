import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'

/** What a request carries on its way through the Hono app. */
export type ApiEnvironment = {
  /** Node's request and response; absent where a test calls `app.request()` */
  Bindings: Partial<HttpBindings>
  Variables: {
    /** whose key submitted the request; `anonymous` without keys. Set by auth.ts */
    owner: string
    /** set first of all, also for refused requests */
    requestId: string
    /** when the request came in, on the clock of `performance.now()`, in ms: waits are counted from here */
    arrivedAt: number
  }
}

export type ApiContext = Context<ApiEnvironment>
