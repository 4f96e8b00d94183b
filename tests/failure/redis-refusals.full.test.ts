import { once } from 'node:events'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { modelKeys } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startTestRedis } from '../../scripts/redis/start-test-redis.ts'
import type { TestRedis } from '../../scripts/redis/start-test-redis.ts'
import type { Answer } from '../support/client.ts'
import { form, formSettings, submitInForm, untilPacked } from '../support/forms.ts'
import type { Form } from '../support/forms.ts'
import { inParallel } from '../support/in-parallel.ts'
import { readMetric } from '../support/metrics.ts'
import { startOneOfEach } from '../support/one-of-each.ts'
import type { OneOfEach } from '../support/one-of-each.ts'
import type { Receiver } from '../support/receiver.ts'
import type { Stack, StackProcess } from '../support/stack.ts'

/** One of everything runs; each test has Redis refuse for another reason, and then has the reason end. */
let redis: TestRedis
let oneOfEach: OneOfEach
let stack: Stack
let apps: StackProcess[]
let receiver: Receiver
/** logged in before the password changes */
let admin: Redis

const open = async (as: Form) => {
  redis = await startTestRedis()
  oneOfEach = await startOneOfEach({ redisUrl: redis.url, environment: formSettings(as) })
  ;({ stack, receiver } = oneOfEach)
  apps = [stack.api, oneOfEach.worker, oneOfEach.webhooks]
  admin = new Redis(redis.url, { maxRetriesPerRequest: null })
  await admin.ping()
}
const close = async () => {
  admin.disconnect()
  await oneOfEach.close()
  await redis.close()
}

const configure = (name: string, value: string | number) => admin.config('SET', name, value)

const valueOf = async (name: string) => {
  const answer = await admin.config('GET', name)
  return String(Array.isArray(answer) ? answer[1] : '')
}

/** A save whose file can't be put into its place fails, as one does on a full disk. */
const saveFails = async (fails: boolean) => {
  const inTheWay = join(await valueOf('dir'), await valueOf('dbfilename'))
  if (fails) await mkdir(join(inTheWay, 'something'), { recursive: true })
  else await rm(inTheWay, { recursive: true, force: true })
  await admin.bgsave()
  await vi.waitFor(
    async () =>
      expect(await admin.info('persistence')).toContain(`rdb_last_bgsave_status:${fails ? 'err' : 'ok'}`),
    { timeout: 10_000, interval: 50 },
  )
}

/** A primary that is not there: the node stays a replica of what it has. */
const nowhere = ['127.0.0.1', 1] as const

type Cause = { code: string; begin: () => Promise<unknown>; end: () => Promise<unknown> }

const causes: Cause[] = [
  {
    code: 'READONLY',
    begin: () => admin.replicaof(...nowhere),
    end: () => admin.replicaof('NO', 'ONE'),
  },
  {
    code: 'MASTERDOWN',
    begin: async () => {
      await configure('replica-serve-stale-data', 'no')
      await admin.replicaof(...nowhere)
    },
    end: async () => {
      await admin.replicaof('NO', 'ONE')
      await configure('replica-serve-stale-data', 'yes')
    },
  },
  {
    code: 'MISCONF',
    begin: async () => {
      await configure('save', '3600 1')
      await saveFails(true)
    },
    end: async () => {
      await saveFails(false)
      await configure('save', '')
    },
  },
  {
    code: 'OOM',
    begin: () => configure('maxmemory', '1mb'),
    end: () => configure('maxmemory', '256mb'),
  },
  {
    code: 'NOREPLICAS',
    begin: () => configure('min-replicas-to-write', 1),
    end: () => configure('min-replicas-to-write', 0),
  },
  {
    code: 'NOPERM',
    begin: () => admin.call('ACL', 'SETUSER', 'default', '-@write'),
    end: () => admin.call('ACL', 'SETUSER', 'default', '+@write'),
  },
  {
    code: 'WRONGPASS',
    begin: async () => {
      await configure('requirepass', 'another')
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    },
    end: () => configure('requirepass', decodeURIComponent(new URL(redis.url).password)),
  },
  {
    code: 'BUSY',
    begin: async () => {
      await configure('busy-reply-threshold', 50)
      const other = new Redis(redis.url)
      other.eval('while true do end', 0).catch(() => other.disconnect())
      await vi.waitFor(() => expect(admin.ping()).rejects.toThrow('BUSY'), { timeout: 20_000, interval: 20 })
    },
    end: () => admin.call('SCRIPT', 'KILL'),
  },
]

/** What a caller can ask for that changes something. */
const askForChanges = (id: string) => [
  // enough for a pack, where some are made
  ...Array.from({ length: 16 }, () => stack.client.submit('throws', { i: 1 })),
  stack.client.submit('throws', { i: 1 }, {}, { 'idempotency-key': `refused-${id}` }),
  stack.client.submit('throws', { i: 1 }, {}, { prefer: 'wait=5' }),
  stack.client.predict('throws', { i: 2 }),
  stack.client.call('POST', `/v1/predictions/${id}/cancel`),
  stack.client.cancelMany([id]),
]

const ask = (id: string) => [
  ...askForChanges(id),
  stack.client.get(`/v1/predictions/${id}`),
  stack.client.readMany([id]),
  stack.client.get('/v1/predictions'),
  stack.client.get('/v1/models'),
]

const timed = async (call: Promise<Answer>) => {
  const startedAt = performance.now()
  const { status, text, headers } = await call
  return { status, text, retryAfter: headers.get('retry-after'), elapsedMs: performance.now() - startedAt }
}
type Timed = Awaited<ReturnType<typeof timed>>

const findWrong = (answers: Timed[], statuses: number[]) =>
  answers.filter(({ status, retryAfter, elapsedMs }) => {
    const saysWhen = status < 400 || /^([1-9]|[1-5]\d|60)$/.test(retryAfter ?? '')
    return !statuses.includes(status) || !saysWhen || elapsedMs > 2500
  })

const readiness = async ({ url }: StackProcess) => {
  const response = await fetch(`${url}/readyz`)
  return `${response.status} ${await response.text()}`
}

/** Resolves when a prediction runs and every app is ready. */
const untilServed = () =>
  vi.waitFor(
    async () => {
      const answer = await stack.client.submit('throws', { i: 4 }, {}, { prefer: 'wait=10' })
      expect(answer).toMatchObject({ status: 201, body: { status: 'succeeded' } })
      expect(await Promise.all(apps.map(readiness))).toEqual(apps.map(() => expect.stringMatching(/^200 /)))
    },
    { timeout: 15_000, interval: 50 },
  )

const linesWith = (app: StackProcess, message: string, from: number) =>
  app
    .log()
    .slice(from)
    .split('\n')
    .filter((line) => line.includes(message))

/** Again and again until it is not refused. */
const surely = (call: () => Promise<Answer>) =>
  vi.waitFor(
    async () => {
      const answer = await call()
      expect(answer.status).toBe(200)
      return answer.body.results.map(({ status }: { status: string }) => status)
    },
    { timeout: 15_000, interval: 50 },
  )

// a refusal is told once a minute: each form has processes of its own
describe.each<Form>(['alone', 'packed'])('predictions %s', (as) => {
  beforeAll(() => open(as))
  afterAll(close)

  const testOnce = test.runIf(as === form)

  test.each(causes)('$code: refused as 503, told once, and over by itself', async ({ code, begin, end }) => {
    await untilPacked(stack, { as })
    const before = apps.map((app) => app.log().length)
    const refusedBefore = await Promise.all(
      apps.map((app) => readMetric(app, 'onqueue_redis_refusals_total', { code })),
    )
    const submit = async (n: number) => {
      const asked = [{ input: { n: [n] }, webhook: receiver.url }]
      const { ids } = await submitInForm(stack, 'patient', asked, { companion: { n: [1] }, as })
      return String(ids[0])
    }
    const running = await submit(1500)
    const id = await submit(100)
    await stack.client.untilTaken(running)

    await begin()
    const changes = await Promise.all(askForChanges(id).map(timed))
    const all = await Promise.all(ask(id).map(timed))
    await Promise.all(
      apps.map((app) =>
        vi.waitFor(async () => expect(await readiness(app)).toMatch(new RegExp(`^503 .*\\(${code}\\)`)), {
          timeout: 20_000,
          interval: 50,
        }),
      ),
    )
    // long enough for what is running to end in between
    const refusingSince = performance.now()
    const later: Timed[] = []
    while (performance.now() - refusingSince < 2500) {
      later.push(...(await Promise.all(ask(id).map(timed))))
      // as many as it can would only keep the processors busy
      await wait(100)
    }
    await end()
    const endedAt = performance.now()
    await untilServed()
    const recoveredMs = performance.now() - endedAt

    expect(recoveredMs).toBeLessThan(5000)
    // the queue may be known to be full before it is asked
    const refusals = code === 'OOM' ? [503, 429] : [503]
    expect(findWrong(changes, refusals)).toEqual([])
    expect(findWrong([...all, ...later], [...refusals, 200])).toEqual([])
    for (const one of [running, id]) {
      expect(await stack.client.untilFinal(one)).toMatchObject({ body: { status: 'succeeded' } })
    }
    const receivedIds = () => receiver.received.map(({ body }) => String(body.id))
    await vi.waitFor(() => expect(receivedIds()).toEqual(expect.arrayContaining([id, running])), {
      timeout: 10_000,
      interval: 50,
    })
    for (const [index, app] of apps.entries()) {
      const from = before[index] ?? 0
      const told = linesWith(app, 'redis refuses commands', from).filter((line) => line.includes(`"${code}"`))
      expect(told).toHaveLength(1)
      expect(linesWith(app, 'redis takes commands again', from).length).toBeGreaterThan(0)
      expect(
        linesWith(app, '"level":40', from).length + linesWith(app, '"level":50', from).length,
      ).toBeLessThan(12)
      const refused = await readMetric(app, 'onqueue_redis_refusals_total', { code })
      expect(refused).toBeGreaterThan(refusedBefore[index] ?? 0)
    }
  })

  testOnce(
    'a Redis that refuses in the middle of many cancels: 503, and repeated they cancel the others',
    async () => {
      const [worker] = stack.workers
      worker?.signal('SIGSTOP')
      const listener = new Redis(stack.redisUrl)
      try {
        const asked = Array.from({ length: 400 }, () => ({ input: { i: 1 } }))
        const { ids } = await submitInForm(stack, 'throws', asked, { companion: { i: 1 }, as })
        await listener.subscribe(modelKeys(stack.prefix, 'throws').notices)
        const firstCanceled = once(listener, 'message')

        const canceling = timed(stack.client.cancelMany(ids))
        await firstCanceled
        await admin.replicaof(...nowhere)
        const broken = await canceling
        await admin.replicaof('NO', 'ONE')
        const between = await surely(() => stack.client.readMany(ids))
        const after = await surely(() => stack.client.cancelMany(ids))

        expect(findWrong([broken], [503])).toEqual([])
        expect(new Set(between)).toEqual(new Set(['canceled', 'queued']))
        expect(after).toEqual(ids.map(() => 'canceled'))
      } finally {
        listener.disconnect()
        worker?.signal('SIGCONT')
      }
    },
  )

  testOnce(
    'a worker that was refused still takes over what a lost worker had',
    { timeout: 90_000 },
    async () => {
      await configure('min-replicas-to-write', 1)
      // stalled predictions are looked for every 5 s
      const refusingSince = performance.now()
      await vi.waitFor(() => expect(performance.now() - refusingSince).toBeGreaterThan(6000), 10_000)
      await configure('min-replicas-to-write', 0)
      const lost = await stack.startWorker()
      await stack.client.untilServed('patient', { workers: 2 })

      // what is submitted now only the other one can take
      const [worker] = stack.workers
      worker?.signal('SIGSTOP')
      const asked = Array.from({ length: 20 }, () => ({ input: { n: [200] } }))
      const { ids } = await submitInForm(stack, 'patient', asked, { companion: { n: [1] }, as })
      await vi.waitFor(
        async () =>
          expect(await readMetric(lost, 'onqueue_predictions_in_hand', { model: 'patient' })).toBeGreaterThan(
            0,
          ),
        { timeout: 10_000, interval: 20 },
      )
      await lost.stop('SIGKILL')
      worker?.signal('SIGCONT')

      const ended = await Promise.all(ids.map((id) => stack.client.untilFinal(id)))
      expect(ended.map(({ body }) => body?.status)).toEqual(ids.map(() => 'succeeded'))
    },
  )

  testOnce(
    'LOADING: while it takes over the data of another Redis all is refused, and then served from nothing',
    async () => {
      const other = await startTestRedis()
      const filler = new Redis(other.url)
      try {
        await filler.config('SET', 'rdbcompression', 'no')
        await inParallel(1500, 50, (index) => filler.set(`filler:${index}`, 'x'.repeat(10_000)))
        await configure('masterauth', decodeURIComponent(new URL(other.url).password))
        // microseconds a key: 3 s
        await configure('key-load-delay', 2000)
        await untilPacked(stack, { as })
        const known = await stack.client.submit('throws', { i: 1 }, {}, { prefer: 'wait=5' })

        await admin.replicaof('127.0.0.1', new URL(other.url).port)
        await vi.waitFor(() => expect(admin.get('filler:0')).rejects.toThrow('LOADING'), {
          timeout: 10_000,
          interval: 20,
        })
        const answers = await Promise.all(ask(String(known.body.id)).map(timed))
        const checks = await Promise.all(apps.map(readiness))
        await vi.waitFor(async () => expect(await admin.info('persistence')).toMatch(/^loading:0/m), 20_000)
        await admin.replicaof('NO', 'ONE')
        const loadedAt = performance.now()
        await untilServed()

        expect(performance.now() - loadedAt).toBeLessThan(5000)
        // the models are known without Redis
        expect(findWrong(answers, [503, 200])).toEqual([])
        expect(answers.filter(({ status }) => status === 503).length).toBeGreaterThanOrEqual(7)
        expect(checks).toEqual(apps.map(() => expect.stringMatching(/^503 /)))
      } finally {
        filler.disconnect()
        await configure('key-load-delay', 0)
        await other.close()
      }
    },
  )
})
