import { AppError } from '@onqueue/shared'
import type { Hono, NotFoundHandler } from 'hono'
import { TrieRouter } from 'hono/router/trie-router'
import type { AnswerError } from './answer-error.ts'
import type { ApiEnvironment } from './api-environment.ts'

/**
 * Answers where no route matched: 405 with `Allow` when the path has routes for other methods (Hono itself doesn't tell
 * the two apart), or else 404. `app` is read at the first such request, when all its routes are there.
 */
export const createNotFoundHandler = (
  app: Hono<ApiEnvironment>,
  { answerError }: { answerError: AnswerError },
): NotFoundHandler<ApiEnvironment> => {
  let router: TrieRouter<string> | undefined

  return (c) => {
    router ??= routesOf(app)
    const allowed = methods.filter((method) => router?.match(method, c.req.path)[0].length)
    const err = allowed.length === 0 ? notFound() : methodNotAllowed(c.req.method, allowed.join(', '))
    return answerError(c, err)
  }
}

const notFound = () =>
  new AppError('not_found', 'there is nothing at this path; GET /docs lists what there is')

const methodNotAllowed = (method: string, allowed: string) =>
  new AppError('method_not_allowed', `${method} does nothing at this path; it takes ${allowed}`, {
    headers: { Allow: allowed },
  })

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

const routesOf = (app: Hono<ApiEnvironment>) => {
  const router = new TrieRouter<string>()
  for (const { method, path } of app.routes) if (method !== 'ALL') router.add(method, path, path)
  return router
}
