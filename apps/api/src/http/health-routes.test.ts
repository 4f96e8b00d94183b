import { Hono } from 'hono'
import { AppError } from '@onqueue/shared'
import { expect, test } from 'vitest'
import type { ApiEnvironment } from './api-environment.ts'
import { createAuth } from '../access/auth.ts'
import { createReadinessCheck } from './readiness.ts'
import { dialectWith } from './dialect.fixture.ts'
import { healthPaths, healthRoutes } from './health-routes.ts'

const startApp = ({ reasons, hasKeys = false }: { reasons: string[]; hasKeys?: boolean }) => {
  const app = new Hono<ApiEnvironment>()
  app.use(
    createAuth({
      keys: { isKeyNeeded: () => hasKeys, findOwner: (key) => (key === 'oq_right' ? 'ops' : undefined) },
      dialectOf: () => dialectWith(),
      isOpen: healthPaths.isOpen,
    }),
  )
  app.onError((err, c) => c.text('', err instanceof AppError ? 401 : 500))
  const isReady = createReadinessCheck({ condition: { check: async () => reasons } })
  return app.route('/', healthRoutes({ isReady, collectMetrics: async () => 'onqueue_waiters 0\n' }))
}

const up: string[] = []
const down = ['Redis does not answer; check that it runs and that REDIS_URL is right']

test('the process is alive whatever Redis does', async () => {
  const response = await startApp({ reasons: down }).request('/livez')

  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({ status: 'ok' })
})

test('ready when Redis answers', async () => {
  const response = await startApp({ reasons: up }).request('/readyz')

  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({ status: 'ok', reasons: [] })
})

test('not ready, and why', async () => {
  const response = await startApp({ reasons: down }).request('/readyz')

  expect(response.status).toBe(503)
  expect(await response.json()).toEqual({
    status: 'unavailable',
    reasons: ['Redis does not answer; check that it runs and that REDIS_URL is right'],
  })
})

test('metrics are open without keys, and need one with', async () => {
  const open = await startApp({ reasons: up }).request('/metrics')
  const guarded = startApp({ reasons: up, hasKeys: true })

  expect(open.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(await open.text()).toBe('onqueue_waiters 0\n')
  expect((await guarded.request('/metrics')).status).toBe(401)
  expect((await guarded.request('/metrics', { headers: { authorization: 'Bearer oq_right' } })).status).toBe(
    200,
  )
})
