import { Hono } from 'hono'
import { AppError } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { opensEvents } from '../dialects/native/open-events.ts'
import { plainPaths } from '../dialects/plain/plain-dialect.ts'
import type { ApiEnvironment } from '../http/api-environment.ts'
import { dialectWith } from '../http/dialect.fixture.ts'
import { createDialectFinder } from '../http/dialect.ts'
import { healthPaths } from '../http/health/health-routes.ts'
import { docsPaths } from '../openapi/docs-routes.ts'
import { letIn } from '../http/let-in.ts'
import { createAuth } from './auth.ts'
import type { KeyRing } from './key-ring.ts'

const ringOf = (names: Record<string, string>): Pick<KeyRing, 'isKeyNeeded' | 'findOwner'> => ({
  isKeyNeeded: () => Object.keys(names).length > 0,
  findOwner: (key) => names[key],
})

const native = dialectWith({
  opensWithoutKey: (request) =>
    opensEvents(request, (id, token) => (token === `token-of-${id}` ? { kind: 'unbound' } : undefined)),
})
const routes = [native, plainPaths, healthPaths, docsPaths]

const startApp = (keys: ReturnType<typeof ringOf>) => {
  const app = new Hono<ApiEnvironment>()
  const findCaller = createAuth({
    keys,
    dialectOf: () => native,
    isOpen: (path) => routes.some((some) => some.isOpen(path)),
  })
  app.use(letIn({ loopbackGuard: () => undefined, findCaller }))
  app.onError((err, c) =>
    err instanceof AppError && err.code === 'unauthorized'
      ? c.text(err.message, 401, err.headers)
      : c.text('', 500),
  )
  app.all('*', (c) => c.text(c.var.owner))
  return async (path: string, headers: Record<string, string> = {}) => {
    const response = await app.request(path, { headers })
    return {
      status: response.status,
      text: await response.text(),
      challenge: response.headers.get('www-authenticate'),
    }
  }
}

const send = startApp(ringOf({ 'oq_key-of-billing': 'billing', 'oq_key-of-search': 'search' }))

test('a key says whose request it is', async () => {
  expect(await send('/v1/models', { authorization: 'Bearer oq_key-of-billing' })).toMatchObject({
    status: 200,
    text: 'billing',
  })
  expect(await send('/v1/models', { authorization: 'bearer  oq_key-of-search ' })).toMatchObject({
    text: 'search',
  })
})

test('without a key: 401, a challenge, and what to do', async () => {
  const { status, text, challenge } = await send('/predict')

  expect(status).toBe(401)
  expect(challenge).toBe('Bearer realm="onqueue"')
  expect(text).toContain("add -H 'authorization: Bearer <key>'")
})

test('a wrong key is refused and not repeated', async () => {
  const { status, text, challenge } = await send('/v1/models', { authorization: 'Bearer oq_wrong' })

  expect(status).toBe(401)
  expect(challenge).toBe('Bearer realm="onqueue", error="invalid_token"')
  expect(text).not.toContain('oq_wrong')
})

test.each(['Basic b3E6a2V5', 'Bearer', 'Bearer a b', 'oq_key-of-billing', ''])(
  'an Authorization of %j is told how it is written',
  async (authorization) => {
    const { status, text } = await send('/v1/models', { authorization })

    expect(status).toBe(401)
    expect(text).toContain("write it as 'authorization: Bearer <key>'")
  },
)

test.each([
  '/',
  '/health',
  '/livez',
  '/readyz',
  '/v2/health/live',
  '/docs',
  '/docs/docs.css',
  '/openapi.json',
])('%s is open', async (path) => {
  expect(await send(path)).toMatchObject({ status: 200, text: 'anonymous' })
})

test.each([
  '/metrics',
  '/v1/models',
  '/predict',
  '/docsx',
  '/health/',
  '/v2/models',
  '/docs/../v1/models',
  '//',
])('%s needs a key', async (path) => {
  expect((await send(path)).status).toBe(401)
})

test('the events of a prediction are open to its own token', async () => {
  expect(await send('/v1/predictions/iris-1/events?token=token-of-iris-1')).toMatchObject({
    status: 200,
    text: 'anonymous',
  })
  expect((await send('/v1/predictions/iris-2/events?token=token-of-iris-1')).status).toBe(401)
  expect((await send('/v1/predictions/iris-1/events')).status).toBe(401)
  expect((await send('/v1/predictions/iris-1?token=token-of-iris-1')).status).toBe(401)
  expect((await send('/v1/predictions/iris-1/events/?token=token-of-iris-1')).status).toBe(401)
})

test('a path counts as the router reads it', async () => {
  expect((await send('/%68ealth')).status).toBe(200)
  expect((await send('/v1/%6dodels')).status).toBe(401)
  expect((await send('/%2e%2e/docs/%2e%2e/v1/models')).status).toBe(401)
})

test('a key counts more than a token', async () => {
  const headers = { authorization: 'Bearer oq_key-of-search' }

  expect(await send('/v1/predictions/iris-1/events?token=token-of-iris-1', headers)).toMatchObject({
    text: 'search',
  })
})

test('without keys everybody is anonymous, whatever token they send', async () => {
  const sendOpenly = startApp(ringOf({}))

  expect(await sendOpenly('/v1/models')).toMatchObject({ status: 200, text: 'anonymous' })
  expect(await sendOpenly('/v1/models', { authorization: 'Bearer whatever' })).toMatchObject({
    text: 'anonymous',
  })
})

test('a dialect with a scheme of its own reads its keys by that', async () => {
  const token = dialectWith({
    ownsPath: (path) => path.startsWith('/replica/'),
    readKey: (request) => request.header('authorization')?.replace(/^Token /, '') ?? '',
  })
  const app = new Hono<ApiEnvironment>()
  const keys = ringOf({ 'oq_key-of-billing': 'billing' })
  const findCaller = createAuth({
    keys,
    dialectOf: createDialectFinder([native, token]),
    isOpen: () => false,
  })
  app.use(letIn({ loopbackGuard: () => undefined, findCaller }))
  app.onError((err, c) => c.text(err.message, 401))
  app.all('*', (c) => c.text(c.var.owner))
  const headers = { authorization: 'Token oq_key-of-billing' }

  const own = await app.request('/replica/v1/models', { headers })
  const other = await app.request('/v1/models', { headers })

  expect(await own.text()).toBe('billing')
  expect(other.status).toBe(401)
})
