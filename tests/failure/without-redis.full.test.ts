import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { startTestRedis } from '../../scripts/redis/start-test-redis.ts'
import type { TestRedis } from '../../scripts/redis/start-test-redis.ts'
import { pickPort } from '../../scripts/redis/ports.ts'
import { apps } from '../../scripts/start/apps.ts'
import type { AppFolder } from '../../scripts/start/apps.ts'
import { createClient } from '../support/client.ts'
import { startStack, testModel } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'

/** Every app, and every way in which a Redis that was there is of no use. */
const folders = apps.map(({ folder }) => folder)

let redis: TestRedis
let stack: Stack
const started: StackProcess[] = []

beforeAll(async () => {
  redis = await startTestRedis({ appendonly: true })
  stack = await startStack({ models: [testModel('throws')], redisUrl: redis.url })
})
afterEach(async () => {
  await redis.restart()
  await Promise.all(started.splice(0).map((one) => one.stop('SIGKILL')))
})
afterAll(async () => {
  await stack.close()
  await redis.close()
})

const starters = {
  api: (environment: Record<string, string>) => stack.startApi(environment),
  worker: (environment: Record<string, string>) => stack.startWorker(environment),
  webhooks: (environment: Record<string, string>) => stack.startWebhooks(environment),
}

/** Longer than a test may take: nothing is under way here that may take it. */
const longGrace = {
  ONQUEUE_API_GRACE: '300s',
  ONQUEUE_WORKER_GRACE: '300s',
  ONQUEUE_WEBHOOKS_GRACE: '300s',
}

/** Starts one more of an app, with its health port. */
const startOne = async (app: AppFolder) => {
  const port = await pickPort()
  const setting = apps.find(({ folder }) => folder === app)?.healthPort.setting ?? ''
  const one = await starters[app]({ [setting]: String(port), ...longGrace })
  started.push(one)
  return { one, health: createClient(`http://127.0.0.1:${port}`) }
}

const untilReady = (health: ReturnType<typeof createClient>) =>
  vi.waitFor(async () => expect((await health.get('/readyz')).status).toBe(200), {
    timeout: 20_000,
    interval: 20,
  })

const refuseWrites = async () => {
  const direct = new Redis(redis.url)
  await direct.config('SET', 'min-replicas-to-write', '3')
  direct.disconnect()
}

const outages = {
  down: () => redis.signal('SIGKILL'),
  hung: () => redis.signal('SIGSTOP'),
  refusing: refuseWrites,
}
const outageNames = ['down', 'hung', 'refusing'] as const

describe.each(folders)('%s', (app) => {
  test('starts without a Redis, is alive and not ready, and serves when it comes', async () => {
    redis.signal('SIGKILL')

    const { one, health } = await startOne(app)

    expect(await health.get('/livez')).toMatchObject({ status: 200 })
    const ready = await health.get('/readyz')
    expect(ready.status).toBe(503)
    expect(ready.body.reasons.join()).toContain('Redis does not answer')
    expect((await health.get('/metrics')).status).toBe(200)
    await redis.restart()
    await untilReady(health)
    expect(one.log()).not.toMatch(/\n {4}at |"level":50/)
  })

  test('ends when it is told to, or its starter is gone, while it still waits for a Redis', async () => {
    redis.signal('SIGKILL')
    const [told, left] = await Promise.all([startOne(app), startOne(app)])

    told.one.signal('SIGTERM')
    left.one.abandon()

    expect(await Promise.all([told.one.ended, left.one.ended])).toEqual([0, 0])
  })
})

const inOutages = folders.flatMap((app, first) =>
  outageNames.map((_, index) => ({ app, how: outageNames[(first + index) % outageNames.length] ?? 'down' })),
)

test.each(inOutages)(
  '$app ends when it is told to, or its starter is gone, with Redis $how',
  async ({ app, how }) => {
    const [told, left] = await Promise.all([startOne(app), startOne(app)])
    await Promise.all([untilReady(told.health), untilReady(left.health)])
    const since = performance.now()
    await outages[how]()
    // long enough for everything that looks at Redis once a second to have asked it
    await vi.waitFor(() => expect(performance.now() - since).toBeGreaterThan(1500), { timeout: 10_000 })

    told.one.signal('SIGTERM')
    left.one.abandon()

    expect(await Promise.all([told.one.ended, left.one.ended])).toEqual([0, 0])
  },
)

test('an API without a Redis yet answers 503 to all but its probes, and says when to come back', async () => {
  redis.signal('SIGKILL')
  const { one } = await startOne('api')
  const client = createClient(one.url)

  const answers = await Promise.all([
    client.get('/v1/models'),
    client.predict('throws', { i: 1 }),
    client.submit('throws', { i: 1 }),
    client.get('/health'),
    client.get('/openapi.json'),
    client.get('/no-such-path'),
    client.call('POST', '/predict', { i: 1 }),
  ])
  const [livez, readyz] = await Promise.all([client.get('/livez'), client.get('/readyz')])

  for (const answer of answers) {
    expect(answer).toMatchObject({ status: 503, body: { code: 'queue_unavailable', status: 503 } })
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect(answer.headers.get('x-request-id')).toBeTruthy()
  }
  expect(livez.status).toBe(200)
  expect(readyz).toMatchObject({ status: 503, body: { status: 'unavailable' } })
  await redis.restart()
  await client.untilServed('throws', { workers: 1 })
  expect((await client.predict('throws', { i: 4 })).body).toEqual({ value: 40 })
})

test('a Redis that turns out to be of no use when it wakes is a sentence, and the end', async () => {
  const direct = new Redis(redis.url)
  await direct.config('SET', 'maxmemory-policy', 'allkeys-lru')
  redis.signal('SIGSTOP')
  const { one, health } = await startOne('webhooks')
  expect((await health.get('/readyz')).status).toBe(503)

  redis.signal('SIGCONT')

  expect(await one.ended).toBe(1)
  await direct.config('SET', 'maxmemory-policy', 'noeviction')
  direct.disconnect()
})

test('an app is told to end while Redis reads its data, and does; another one serves when it has', async () => {
  const replica = await startTestRedis()
  const main = new Redis(redis.url)
  await main.mset(
    Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`filler-${index}`, 'x'.repeat(100)])),
  )
  const direct = new Redis(replica.url)
  const { password, port } = new URL(redis.url)
  await direct.config('SET', 'masterauth', password)
  await direct.config('SET', 'loading-process-events-interval-bytes', '1024')
  // in microseconds for each key
  await direct.config('SET', 'key-load-delay', '100000')
  await direct.replicaof('127.0.0.1', port)
  await vi.waitFor(async () => expect(await direct.info('persistence')).toContain('loading:1'), 10_000)
  const [told, patient] = await Promise.all([
    stack.startApi({ REDIS_URL: replica.url }),
    stack.startApi({ REDIS_URL: replica.url }),
  ])
  started.push(told, patient)
  const readyz = await createClient(patient.url).get('/readyz')

  told.signal('SIGTERM')
  expect(await told.ended).toBe(0)
  expect(readyz.status).toBe(503)
  await direct.config('SET', 'key-load-delay', '0')
  await vi.waitFor(() => direct.replicaof('NO', 'ONE'), 10_000)

  await vi.waitFor(
    async () => expect((await createClient(patient.url).get('/readyz')).status).toBe(200),
    20_000,
  )
  await patient.stop()
  main.disconnect()
  direct.disconnect()
  await replica.close()
})
