import { AppError } from '@onqueue/shared'
import type { Hono, NotFoundHandler } from 'hono'
import { TrieRouter } from 'hono/router/trie-router'
import type { AnswerError } from './answer-error.ts'
import type { ApiEnvironment } from './api-environment.ts'
import { nearestPath } from './nearest-path.ts'

/**
 * Answers where no route matched: 405 with `Allow` when the path has routes for other methods (Hono itself doesn't tell
 * the two apart), or else 404. `app` is read at the first such request, when all its routes are there.
 */
export const createNotFoundHandler = (
  app: Hono<ApiEnvironment>,
  { answerError }: { answerError: AnswerError },
): NotFoundHandler<ApiEnvironment> => {
  let routes: { router: TrieRouter<string>; patterns: string[] } | undefined

  return (c) => {
    const { router, patterns } = (routes ??= routesOf(app))
    const methodsOf = (path: string) => methods.filter((method) => router.match(method, path)[0].length)
    const allowed = methodsOf(c.req.path)
    if (allowed.length > 0) return answerError(c, methodNotAllowed(c.req.method, allowed.join(', ')))
    const meant = nearestPath(c.req.path, patterns)
    return answerError(c, notFound(meant && `${methodsOf(meant).join(' or ')} ${meant}`))
  }
}

const notFound = (meant: string | undefined) =>
  new AppError(
    'not_found',
    `there is nothing at this path${meant === undefined ? '' : `; did you mean ${meant}?`}; GET /docs lists what there is`,
  )

const methodNotAllowed = (method: string, allowed: string) =>
  new AppError('method_not_allowed', `${method} does nothing at this path; it takes ${allowed}`, {
    headers: { Allow: allowed },
  })

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

const routesOf = (app: Hono<ApiEnvironment>) => {
  const router = new TrieRouter<string>()
  const routes = app.routes.filter(({ method }) => method !== 'ALL')
  for (const { method, path } of routes) router.add(method, path, path)
  return { router, patterns: [...new Set(routes.map(({ path }) => path))] }
}
