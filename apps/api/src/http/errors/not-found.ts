import { AppError } from '@onqueue/shared'
import type { Hono, NotFoundHandler } from 'hono'
import { TrieRouter } from 'hono/router/trie-router'
import type { AnswerError } from './answer-error.ts'
import type { ApiEnvironment } from '../api-environment.ts'
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
    const methodsOf = (path: string) => {
      const found = methods.flatMap((method) => {
        const [handlers] = router.match(method, path)
        return handlers.length === 0
          ? []
          : [{ method, isNamed: handlers.some(([pattern]) => pattern === path) }]
      })
      // a path that has a name of its own is no parameter of another
      const named = found.filter(({ isNamed }) => isNamed)
      return (named.length > 0 ? named : found).map(({ method }) => method)
    }
    const allowed = methodsOf(c.req.path)
    if (allowed.length > 0) return answerError(c, methodNotAllowed(c.req.method, allowed))
    const meant = nearestPath(c.req.path, patterns)
    return answerError(c, notFound(meant && `${methodsOf(meant).join(' or ')} ${meant}`))
  }
}

const notFound = (meant: string | undefined) =>
  new AppError(
    'not_found',
    `there is nothing at this path${meant === undefined ? '' : `; did you mean ${meant}?`}; GET /docs lists what there is`,
  )

export const methodNotAllowed = (method: string, allowed: readonly string[]) => {
  // Hono answers HEAD wherever it answers GET
  const all = allowed.flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one]))
  return new AppError(
    'method_not_allowed',
    `${method} does nothing at this path; it takes ${allowed.join(', ')}`,
    {
      headers: { Allow: all.join(', ') },
    },
  )
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

const routesOf = (app: Hono<ApiEnvironment>) => {
  const router = new TrieRouter<string>()
  const routes = app.routes.filter(({ method }) => method !== 'ALL')
  for (const { method, path } of routes) router.add(method, path, path)
  return { router, patterns: [...new Set(routes.map(({ path }) => path))] }
}
