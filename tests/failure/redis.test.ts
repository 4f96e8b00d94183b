import { modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startTestRedis } from '../../scripts/redis/start-test-redis.ts'
import type { TestRedis } from '../../scripts/redis/start-test-redis.ts'
import { countPacks, form, formSettings, untilPacked } from '../support/forms.ts'
import { readMetric } from '../support/metrics.ts'
import type { Answer } from '../support/client.ts'
import { startStack, testModel } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'

let redis: TestRedis
let stack: Stack
let worker: StackProcess

beforeAll(async () => {
  redis = await startTestRedis({ appendonly: true })
  const patient = {
    name: 'patient',
    of: 'slow',
    settings: 'instances: 1\ntimeout_s: 30\nexample: { n: [1] }\n',
  }
  stack = await startStack({
    models: [testModel('throws'), patient],
    redisUrl: redis.url,
    environment: formSettings(),
  })
  const [only] = stack.workers
  if (!only) throw new Error('the stack has no worker')
  worker = only
})
afterAll(async () => {
  // a test that failed may have left it hung or dead
  await redis.restart()
  await stack.close()
  await redis.close()
})

const timed = async (call: Promise<Answer>) => {
  const startedAt = performance.now()
  const answer = await call
  return { ...answer, elapsedMs: performance.now() - startedAt }
}

/** One of everything that a caller can ask for. */
const askEverything = (id: string) => ({
  submit: () => stack.client.submit('throws', { i: 1 }),
  predict: () => stack.client.predict('throws', { i: 2 }),
  get: () => stack.client.get(`/v1/predictions/${id}`),
  wait: () => stack.client.get(`/v1/predictions/${id}`, { prefer: 'wait=30' }),
  list: () => stack.client.get('/v1/predictions'),
  cancel: () => stack.client.call('POST', `/v1/predictions/${id}/cancel`),
  readMany: () => stack.client.readMany([id]),
  waitForMany: () => stack.client.readMany([id], { wait: 30 }),
  listIds: () => stack.client.get(`/v1/predictions?ids=${id}`),
  cancelMany: () => stack.client.cancelMany([id]),
})

/** What is wrong with answers that should be 503, in time, and say when to come back: nothing, if all is well. */
const findWrong = (answers: (Answer & { elapsedMs: number })[]) =>
  answers.flatMap(({ status, headers, elapsedMs, text }) => {
    const retryAfter = headers.get('retry-after') ?? ''
    const isRight = status === 503 && /^([1-9]|[1-5]\d|60)$/.test(retryAfter) && elapsedMs < 2500
    return isRight ? [] : [{ status, retryAfter, elapsedMs, text }]
  })

/** Resolves when a prediction that is submitted again and again until it is accepted has run. */
const untilItWorks = () =>
  vi.waitFor(
    async () => {
      const answer = await stack.client.submit('throws', { i: 4 }, {}, { prefer: 'wait=10' })
      expect(answer).toMatchObject({ status: 201, body: { status: 'succeeded', output: { value: 40 } } })
    },
    { timeout: 15_000, interval: 50 },
  )

const settled = async () =>
  String((await stack.client.submit('throws', { i: 0 }, {}, { prefer: 'wait=10' })).body.id)

// packs-made.test.ts has it of packs
const testAlone = test.skipIf(form === 'packed')

testAlone(
  'while Redis hangs everything is refused in time, and what was refused does not run later',
  async () => {
    const known = await settled()
    const runBefore = await readMetric(worker, 'onqueue_micro_batch_rows_sum', { model: 'throws' })
    const endedBefore = await readMetric(worker, 'onqueue_predictions_total', { model: 'throws' })
    redis.signal('SIGSTOP')

    const asking = Object.values(askEverything(known)).map((ask) => timed(ask()))
    const burst = Array.from({ length: 60 }, (_, index) =>
      timed(stack.client.submit('throws', { i: index % 10 })),
    )
    const first = await Promise.all([...asking, ...burst])
    // once it is known that Redis hangs
    const second = await Promise.all(Object.values(askEverything(known)).map((ask) => timed(ask())))
    redis.signal('SIGCONT')
    const wokenAt = performance.now()
    await untilItWorks()

    expect(performance.now() - wokenAt).toBeLessThan(5000)
    expect(findWrong([...first, ...second])).toEqual([])
    const unknown = first.filter(({ body }) => body.code === 'outcome_unknown')
    expect(unknown.length).toBeGreaterThan(0)
    // of those of which nobody knew Redis may have taken some in time, and a worker be quicker than who calls them off
    let ran = 0
    for (const { body, headers } of unknown) {
      const location = headers.get('location') ?? ''
      expect(location).toBe(`/v1/predictions/${body.id}`)
      const { status, body: found } = await stack.client.get(location)
      expect([404, 200]).toContain(status)
      if (status === 200 && found.status === 'succeeded') ran += 1
      else if (status === 200)
        expect(found).toMatchObject({ status: 'canceled', output: null, started_at: null })
    }
    // of the first one, and of the one that showed that it works again
    const { body: list } = await stack.client.get('/v1/predictions?status=succeeded&limit=100')
    expect(list.results.length).toBe(2 + ran)
    const { queue } = modelKeys(stack.prefix, 'throws')
    await vi.waitFor(async () => expect(await stack.redis.llen(queue('active'))).toBe(0), 20_000)
    expect(await stack.redis.zcard(queue('prioritized'))).toBe(0)
    expect(await readMetric(worker, 'onqueue_micro_batch_rows_sum', { model: 'throws' })).toBe(
      runBefore + 1 + ran,
    )
    expect(await readMetric(worker, 'onqueue_predictions_total', { model: 'throws' })).toBe(
      endedBefore + 1 + ran,
    )
  },
)

test('while Redis is down everything is refused in time, and workers go on within 5 s of its return', async () => {
  await untilPacked(stack)
  const known = await settled()
  const { pid } = worker
  const burst = Array.from({ length: 16 }, () => () => stack.client.submit('throws', { i: 1 }))
  redis.signal('SIGKILL')

  const asked = [...Object.values(askEverything(known)), ...burst]
  const first = await Promise.all(asked.map((ask) => timed(ask())))
  // long enough for tries to connect to become rare, as they do by BullMQ's default
  const downSince = performance.now()
  const later: (Answer & { elapsedMs: number })[] = []
  await vi.waitFor(
    async () => {
      later.push(...(await Promise.all(asked.map((ask) => timed(ask())))))
      expect(performance.now() - downSince).toBeGreaterThan(12_000)
    },
    { timeout: 30_000, interval: 500 },
  )
  await redis.restart()
  const backAt = performance.now()
  await untilItWorks()

  expect(performance.now() - backAt).toBeLessThan(5000)
  expect(findWrong([...first, ...later])).toEqual([])
  expect(worker.pid).toBe(pid)
  await untilPacked(stack)
})

test('Redis killed under load and started again: nothing that was accepted is lost', async () => {
  // everysec, the usual setting, may lose what Redis took in the last second before it was killed
  await stack.redis.config('SET', 'appendfsync', 'always')
  await untilPacked(stack)
  const packsBefore = await countPacks(stack, 'throws')
  const running = await stack.client.submit('patient', { n: [1000] })
  await stack.client.untilTaken(running.body.id)
  const accepted: { id: string; output: object }[] = [{ id: String(running.body.id), output: { y: 1000 } }]
  let killed = false
  const submitOneByOne = async (lane: number) => {
    for (let turn = 0; ; turn += 1) {
      const i = (lane + turn) % 10
      const { status, body } = await stack.client.submit('throws', { i })
      if (status !== 202) return status
      accepted.push({ id: String(body.id), output: { value: 10 * i } })
      if (accepted.length === 400 && !killed) {
        killed = true
        redis.signal('SIGKILL')
      }
    }
  }

  const refusals = await Promise.all(Array.from({ length: 20 }, (_, lane) => submitOneByOne(lane)))
  await redis.restart()
  await untilItWorks()
  const ended = await Promise.all(accepted.map(({ id }) => stack.client.untilFinal(id)))

  const packs = (await countPacks(stack, 'throws')) - packsBefore
  expect(packs > 0).toBe(form === 'packed')
  expect(new Set(refusals)).toEqual(new Set([503]))
  expect(accepted.length).toBeGreaterThanOrEqual(400)
  expect(ended).toMatchObject(
    accepted.map(({ id, output }) => ({
      status: 200,
      body: { id, status: 'succeeded', output, error: null },
    })),
  )
})
