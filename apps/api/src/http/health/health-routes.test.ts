import { Hono } from 'hono'
import { AppError } from '@onqueue/shared'
import { expect, test } from 'vitest'
import type { ApiEnvironment } from '../api-environment.ts'
import { createAuth } from '../../access/auth.ts'
import { letIn } from '../let-in.ts'
import { createReadinessCheck } from './readiness.ts'
import { dialectWith } from '../dialect.fixture.ts'
import { healthPaths, healthRoutes } from './health-routes.ts'

const open = { isEmpty: () => false, whyClosed: (): string[] => [] }

const startApp = ({
  reasons,
  hasKeys = false,
  models = open,
  warnings = [],
}: {
  reasons: string[]
  hasKeys?: boolean
  models?: typeof open
  warnings?: string[]
}) => {
  const app = new Hono<ApiEnvironment>()
  const findCaller = createAuth({
    keys: { isKeyNeeded: () => hasKeys, findOwner: (key) => (key === 'oq_right' ? 'ops' : undefined) },
    dialectOf: () => dialectWith(),
    isOpen: healthPaths.isOpen,
  })
  app.use(letIn({ loopbackGuard: () => undefined, findCaller }))
  app.onError((err, c) => c.text('', err instanceof AppError ? 401 : 500))
  const isReady = createReadinessCheck({
    condition: { check: async () => reasons },
    clock: { warnings: () => warnings },
    models: () => models,
  })
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

test('a clock that is off is told, and it is ready all the same', async () => {
  const response = await startApp({ reasons: up, warnings: ['it is off'] }).request('/readyz')

  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({ status: 'ok', reasons: ['it is off'] })
})

test('not ready, and why', async () => {
  const response = await startApp({ reasons: down }).request('/readyz')

  expect(response.status).toBe(503)
  expect(await response.json()).toEqual({
    status: 'unavailable',
    reasons: ['Redis does not answer; check that it runs and that REDIS_URL is right'],
  })
})

test('not ready while no model was seen to take predictions; when later none does, it stays ready', async () => {
  let closed = ['model "iris" is being loaded for the first time; try again soon']
  const models = { isEmpty: () => false, whyClosed: () => closed }
  const app = startApp({ reasons: up, models })
  const ask = async () => {
    const response = await app.request('/readyz')
    return [response.status, await response.json()]
  }

  const first = await ask()
  closed = []
  const second = await ask()
  closed = ['model "iris" has not had a worker for 10 minutes; start one']
  const third = await ask()

  expect(first).toEqual([503, { status: 'unavailable', reasons: [expect.stringContaining('first time')] }])
  expect(second).toEqual([200, { status: 'ok', reasons: [] }])
  expect(third).toEqual([200, { status: 'ok', reasons: [] }])
})

test('not ready without any model, also if there was one', async () => {
  let isEmpty = false
  const app = startApp({ reasons: up, models: { isEmpty: () => isEmpty, whyClosed: () => [] } })

  const before = await app.request('/readyz')
  isEmpty = true
  const after = await app.request('/readyz')

  expect([before.status, after.status]).toEqual([200, 503])
  expect(await after.json()).toMatchObject({
    reasons: ['no worker has published a model yet: start a worker that has one'],
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
