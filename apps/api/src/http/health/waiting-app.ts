import { AppError } from '@onqueue/shared'
import type { Readiness } from '@onqueue/shared'
import { Hono } from 'hono'
import type { ApiEnvironment } from '../api-environment.ts'
import { problemResponse } from '../errors/problem.ts'
import { requestId } from '../request-id.ts'

/**
 * Answers while there has not been a Redis yet: the process is alive, it is not ready, and whatever else is asked for may
 * be asked again. The app itself takes over when Redis is there (openWhenUsable).
 */
export const createWaitingApp = ({ isReady }: { isReady: () => Promise<Readiness> }) => {
  const app = new Hono<ApiEnvironment>()
  app.use(requestId)
  app.get('/livez', (c) => c.json({ status: 'ok' }, 200))
  app.get('/readyz', async (c) => c.json({ status: 'unavailable', reasons: (await isReady()).reasons }, 503))
  app.all('*', (c) => {
    c.header('Retry-After', String(retryAfterSeconds))
    return problemResponse(c, new AppError('queue_unavailable', detail))
  })
  return app
}

const retryAfterSeconds = 2
const detail = 'the server has started and waits for its queue; try again'
