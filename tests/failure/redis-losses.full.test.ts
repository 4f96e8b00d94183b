import { deliveryKeys, globalKeys, modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startTestRedis } from '../../scripts/redis/start-test-redis.ts'
import type { TestRedis } from '../../scripts/redis/start-test-redis.ts'
import { submitInForm } from '../support/forms.ts'
import type { Form } from '../support/forms.ts'
import { readMetric } from '../support/metrics.ts'
import { startOneOfEach } from '../support/one-of-each.ts'
import type { OneOfEach } from '../support/one-of-each.ts'
import type { Receiver } from '../support/receiver.ts'
import { shippedModel } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'

/**
 * Redis loses keys under running processes, of one kind at a time and all at once, with predictions and deliveries in every
 * state. `names.ts` says which kinds there are: one that is not in the tables below fails the first test.
 */
let redis: TestRedis
let oneOfEach: OneOfEach
let stack: Stack
let worker: StackProcess
let webhooks: StackProcess
let receiver: Receiver
/** whether the receiver takes what it is sent to /flaky */
let isUp = true

beforeAll(async () => {
  redis = await startTestRedis()
  oneOfEach = await startOneOfEach({
    models: [shippedModel('iris')],
    redisUrl: redis.url,
    environment: { ONQUEUE_WEBHOOK_SCHEDULE: `0s${',1s'.repeat(49)}` },
    answer: (response, { path }) => response.writeHead(path === '/flaky' && !isUp ? 500 : 200).end(),
  })
  ;({ stack, worker, webhooks, receiver } = oneOfEach)
})
afterAll(async () => {
  await oneOfEach.close()
  await redis.close()
})

/**
 * What becomes of predictions that were accepted, and of a delivery that waits, when keys of a kind are gone. `kept`: all of
 * it goes on. Otherwise it is said to be gone.
 */
type Fate = {
  finished?: 'gone'
  waiting?: 'gone'
  delivery?: 'gone' | 'failed'
  large?: 'failed' | 'gone'
  running?: 'gone'
  key?: 'free'
}

const kept: Fate = {}

const modelKinds: Record<keyof ReturnType<typeof modelKeys>, Fate> = {
  outcome: { finished: 'gone' },
  input: { large: 'failed' },
  // of predictions by themselves there is none
  pack: kept,
  claim: { key: 'free' },
  index: kept,
  undelivered: kept,
  deadlines: kept,
  extraRows: kept,
  cards: kept,
  generations: kept,
  workers: kept,
  worker: kept,
  lastSeen: kept,
  janitor: kept,
  notices: kept,
  // predictions don't look at them; of batches see tests/batches
  batch: kept,
  batchChunks: kept,
  batchDone: kept,
  activeBatches: kept,
  endedBatches: kept,
  undeliveredBatches: kept,
  batchIndex: kept,
  // BullMQ's, each by itself below
  queue: { finished: 'gone', waiting: 'gone', running: 'gone', large: 'gone' },
}

const deliveryKinds: Record<keyof ReturnType<typeof deliveryKeys>, Fate> = {
  delivery: { delivery: 'gone' },
  body: { delivery: 'failed' },
  schedule: kept,
  endpoints: kept,
  endpoint: kept,
  origins: kept,
  index: kept,
  bytes: kept,
  delivered: kept,
  failed: kept,
  notices: kept,
}

const globalKinds: Record<keyof ReturnType<typeof globalKeys>, Fate> = {
  models: kept,
  secret: kept,
  probe: kept,
  cardChanges: kept,
  webhookSecrets: kept,
  processes: kept,
  process: kept,
  replies: kept,
  batchNotices: kept,
}

const queueParts: Record<string, Fate> = {
  meta: kept,
  id: kept,
  pc: kept,
  marker: kept,
  wait: kept,
  active: kept,
  prioritized: kept,
  delayed: kept,
  completed: kept,
  failed: kept,
  stalled: kept,
  'stalled-check': kept,
  events: kept,
  '*:lock': kept,
  'iris-*': { large: 'gone' },
  'patient-*': { running: 'gone' },
  'throws-*': { finished: 'gone', waiting: 'gone' },
}

/** What is another fate of predictions in packs. `large` is by itself as ever, and so is the one with a key. */
const packedFates: Record<string, Fate> = {
  'model outcome': kept,
  'model pack': { finished: 'gone', waiting: 'gone', running: 'gone' },
}

const models = ['throws', 'patient', 'iris']

const patternOf = (key: string | ((part: string) => string)) => (typeof key === 'string' ? key : key('*'))

/** A kind of key, as patterns. */
type Loss = { name: string; patterns: () => string[]; fate: Fate }

const losses: Loss[] = [
  ...Object.entries(modelKinds).map(([name, fate]) => ({
    name: `model ${name}`,
    patterns: () =>
      models.flatMap((model) =>
        Object.entries(modelKeys(stack.prefix, model)).flatMap(([kind, key]) =>
          kind === name ? patternOf(key) : [],
        ),
      ),
    fate,
  })),
  ...Object.entries(queueParts).map(([part, fate]) => ({
    name: `queue ${part}`,
    patterns: () => models.map((model) => modelKeys(stack.prefix, model).queue(part)),
    fate,
  })),
  ...Object.entries(deliveryKinds).map(([name, fate]) => ({
    name: `delivery ${name}`,
    patterns: () =>
      Object.entries(deliveryKeys(stack.prefix)).flatMap(([kind, key]) =>
        kind === name ? patternOf(key) : [],
      ),
    fate,
  })),
  ...Object.entries(globalKinds).map(([name, fate]) => ({
    name: `global ${name}`,
    patterns: () =>
      Object.entries(globalKeys(stack.prefix)).flatMap(([kind, key]) =>
        kind === name ? patternOf(key) : [],
      ),
    fate,
  })),
]

const everything: Loss = {
  name: 'everything',
  patterns: () => ['*'],
  fate: {
    finished: 'gone',
    waiting: 'gone',
    running: 'gone',
    large: 'gone',
    delivery: 'gone',
    key: 'free',
  },
}

const lose = async (patterns: string[]) => {
  const keys = (await Promise.all(patterns.map((pattern) => stack.redis.keys(pattern)))).flat()
  if (keys.length > 0) await stack.redis.del(keys)
}

type Case = Loss & { as: Form; /** of the one with a key */ keyed: Fate }

const alone = (loss: Loss): Case => ({ ...loss, as: 'alone', keyed: loss.fate })
const packed = (loss: Loss): Case => ({
  ...loss,
  name: `${loss.name}, in packs`,
  as: 'packed',
  fate: packedFates[loss.name] ?? loss.fate,
  keyed: loss.fate,
})
/** What has to do with how predictions are kept. */
const ofPredictions = losses.filter(({ name }) => /^(model|queue) /.test(name))

const row = { features: { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 } }
const idOf = ({ body }: { body: { id: string } }) => String(body.id)
const seconds = (timeout: number) => ({ timeout: timeout * 1000, interval: 50 })

/** Predictions and deliveries in every state. The worker is frozen when it resolves. */
const leaveWork = async (key: string, as: Form) => {
  isUp = false
  const keyed = await stack.client.submit(
    'throws',
    { i: 1 },
    {},
    { prefer: 'wait=10', 'idempotency-key': `${key}-1` },
  )
  expect(keyed.status).toBe(201)
  const submit = async (model: string, asked: Parameters<typeof submitInForm>[2], companion: unknown) =>
    (await submitInForm(stack, model, asked, { companion, as })).ids
  const [delivered = '', finished = ''] = await submit(
    'throws',
    [{ input: { i: 2 }, webhook: `${receiver.url}/flaky` }, { input: { i: 1 } }],
    { i: 1 },
  )
  await vi.waitFor(
    () => expect(receiver.received.map(({ body }) => body.id)).toContain(delivered),
    seconds(10),
  )
  await stack.client.untilFinal(finished)
  const [running = ''] = await submit('patient', [{ input: { n: [250] } }], { n: [1] })
  await stack.client.untilTaken(running)
  worker.signal('SIGSTOP')
  const array = [{ i: 4 }, { i: 5 }, { i: 6 }]
  const told = { webhook: `${receiver.url}/steady` }
  const waitAlone = async () => {
    const submitted = await Promise.all([
      stack.client.submit('throws', { i: 3 }, {}, { 'idempotency-key': `${key}-2` }),
      stack.client.submit('throws', array, {}, { 'cancel-after': '3600' }),
      stack.client.submit('throws', { i: 7 }, { priority: 'high', ...told }),
    ])
    return submitted.map(idOf)
  }
  const asked = [
    { input: { i: 3 } },
    { input: array, cancelAfterMs: 3_600_000 },
    { input: { i: 7 }, ...told },
  ]
  const waiting = as === 'alone' ? await waitAlone() : await submit('throws', asked, { i: 1 })
  const large = await stack.client.submit(
    'iris',
    Array.from({ length: 900 }, () => row),
  )
  return { keyed: idOf(keyed), finished, delivered, running, waiting, large: idOf(large) }
}

const follow = async (id: string) => {
  const { body } = await stack.client.get(`/v1/predictions/${id}`)
  const response = await fetch(body.urls.events)
  return response.text()
}

const statusOf = async (id: string) => {
  const { status, body } = await stack.client.untilFinal(id)
  return status === 200 ? String(body.status) : status
}

const countersAreRight = async () => {
  for (const model of models) {
    expect(Number((await stack.redis.get(modelKeys(stack.prefix, model).extraRows)) ?? 0)).toBe(0)
  }
  for (const key of await stack.redis.keys(deliveryKeys(stack.prefix).bytes('*'))) {
    const bodies = await stack.redis.keys(deliveryKeys(stack.prefix).body('*'))
    const lengths = await Promise.all(bodies.map((body) => stack.redis.strlen(body)))
    expect(Number(await stack.redis.get(key))).toBe(lengths.reduce((sum, length) => sum + length, 0))
  }
}

const isServedAgain = async () => {
  const answer = await stack.client.submit('throws', { i: 9 }, {}, { prefer: 'wait=5' })
  expect(answer).toMatchObject({ status: 201, body: { status: 'succeeded' } })
  const { body } = await stack.client.get('/v1/models')
  expect(body.results.map(({ status }: { status: string }) => status)).toEqual(['ready', 'ready', 'ready'])
  const checks = await Promise.all([stack.api, worker, webhooks].map(({ url }) => fetch(`${url}/readyz`)))
  expect(checks.map(({ status }) => status)).toEqual([200, 200, 200])
}

test('every kind of key of names.ts is lost below', () => {
  const kindsOf = (kinds: object) => Object.keys(kinds).sort()

  expect(kindsOf(modelKinds)).toEqual(kindsOf(modelKeys('a', 'b')))
  expect(kindsOf(deliveryKinds)).toEqual(kindsOf(deliveryKeys('a')))
  expect(kindsOf(globalKinds)).toEqual(kindsOf(globalKeys('a')))
})

// the last one takes what the others have orphaned
test.each([...[...losses, everything].map(alone), ...[...ofPredictions, everything].map(packed)])(
  'without $name: what is left goes on, what is gone is said to be',
  async ({ name, patterns, as, fate, keyed }) => {
    const work = await leaveWork(name, as)
    const [first = ''] = work.waiting
    const waited = stack.client.get(`/v1/predictions/${first}`, { prefer: 'wait=60' })
    const followed = follow(first)
    await vi.waitFor(
      async () => expect(await readMetric(stack.api, 'onqueue_event_streams')).toBeGreaterThan(0),
      seconds(20),
    )

    await lose(patterns())
    worker.signal('SIGCONT')
    await vi.waitFor(isServedAgain, seconds(10))

    const waiting = fate.waiting === 'gone' ? 404 : 'succeeded'
    expect(await Promise.all(work.waiting.map(statusOf))).toEqual([waiting, waiting, waiting])
    expect(await statusOf(work.running)).toBe(fate.running === 'gone' ? 404 : 'succeeded')
    await vi.waitFor(async () => {
      const asked = [work.finished, work.keyed].map((id) => stack.client.get(`/v1/predictions/${id}`))
      const statuses = (await Promise.all(asked)).map(({ status }) => status)
      expect(statuses).toEqual([fate, keyed].map((one) => (one.finished === 'gone' ? 404 : 200)))
    }, seconds(10))
    const large = fate.large === undefined ? 'succeeded' : fate.large === 'gone' ? 404 : 'failed'
    expect(await statusOf(work.large)).toBe(large)
    expect((await waited).status).toBe(fate.waiting === 'gone' ? 404 : 200)
    expect(await followed).toContain(fate.waiting === 'gone' ? 'event: error' : '"status":"succeeded"')
    const again = await stack.client.submit(
      'throws',
      { i: 1 },
      {},
      { prefer: 'wait=10', 'idempotency-key': `${name}-1` },
    )
    // a key that is not known any more is used for the first time
    const replayed = fate.key === 'free' ? 201 : keyed.finished === 'gone' ? 410 : 200
    expect(again.status).toBe(replayed)

    isUp = true
    const arrived = () => receiver.received.filter(({ body }) => body.id === work.delivered).length
    const before = arrived()
    if (fate.delivery === undefined) {
      await vi.waitFor(() => expect(arrived()).toBeGreaterThan(before), seconds(15))
    } else if (fate.delivery === 'failed') {
      await vi.waitFor(async () => {
        const { body } = await stack.client.get(`/v1/predictions/${work.delivered}/deliveries`)
        expect(body.results).toMatchObject([{ status: 'failed' }])
        const [{ id }] = body.results
        expect((await stack.client.call('POST', `/v1/deliveries/${id}/redeliver`)).status).toBeLessThan(300)
      }, seconds(10))
      await vi.waitFor(() => expect(arrived()).toBeGreaterThan(before), seconds(10))
    }
    await vi.waitFor(countersAreRight, seconds(10))
  },
)
