import type { OpenAPIHono, RouteConfig } from '@hono/zod-openapi'
import type { ApiContext, ApiEnvironment } from './api-environment.ts'
import { sendAnswer } from './answers/answer.ts'
import type { Answer } from './answers/answer.ts'

/**
 * A route that is asked for so often that what surrounds its handler counts. It says what to answer, and has no middleware of
 * its own; `createFront` has it answered without the chain.
 */
export type HotRoute = {
  /** made by `createRoute`: for the document, and where it is */
  description: RouteConfig & { getRoutingPath(): string }
  handle: (c: ApiContext) => Promise<Answer>
}

/** Adds it to the routes of a dialect, where it is behind the chain and in the document like any other. */
export const addHotRoute = (routes: OpenAPIHono<ApiEnvironment>, { description, handle }: HotRoute) => {
  routes.openAPIRegistry.registerPath(description)
  routes.on(description.method.toUpperCase(), description.getRoutingPath(), async (c) =>
    sendAnswer(c, await handle(c)),
  )
}
