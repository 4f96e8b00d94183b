import { modelKeys, packIdOf } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startTestRedis } from '../../scripts/redis/start-test-redis.ts'
import type { TestRedis } from '../../scripts/redis/start-test-redis.ts'
import { form, submitInForm } from '../support/forms.ts'
import { inParallel } from '../support/in-parallel.ts'
import { readMetric } from '../support/metrics.ts'
import { executorsOf, signalAll } from '../support/processes.ts'
import { loopbackWebhooks, startReceiver } from '../support/receiver.ts'
import { shippedModel, startStack } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'

/** Room for about 500 finished predictions of the small kind below. */
const maxmemoryBytes = 16 * 1024 * 1024

let redis: TestRedis
let stack: Stack
/** The one that has the model. */
let worker: StackProcess | undefined

beforeAll(async () => {
  redis = await startTestRedis({ maxmemoryBytes })
  stack = await startStack({
    models: [shippedModel('iris')],
    redisUrl: redis.url,
    environment: { ONQUEUE_RETENTION_MIN: '0s', ONQUEUE_BACKLOG_LIMIT: '1000000' },
  })
  worker = stack.workers[0]
})
afterAll(async () => {
  await stack.close()
  await redis.close()
})

const row = { features: { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 } }
/** About 9 KB of input and as much output. */
const small = Array.from({ length: 100 }, () => row)
/** About 55 KB of input and as much output: more than Redis has room for, if all were kept. */
const large = Array.from({ length: 600 }, () => row)

const usedShare = async () => {
  const used = /^used_memory:(\d+)/m.exec(await stack.redis.info('memory'))?.[1]
  return Number(used) / maxmemoryBytes
}

test('when memory is short the oldest finished predictions go first, and submits go on', async () => {
  const ids: string[] = []
  await inParallel(1200, 16, async () => {
    // at this pace a refusal is due now and then, and passes
    for (;;) {
      const answer = await stack.client.submit('iris', small)
      if (answer.status === 202) return ids.push(String(answer.body.id))
      expect(answer).toMatchObject({ status: 429, body: { code: 'memory_full' } })
    }
  })
  const last = await stack.client.untilFinal(ids.at(-1) ?? '')
  await vi.waitFor(async () => expect(await usedShare()).toBeLessThan(0.7), 10_000)

  const statuses = await inParallel(
    ids.length,
    50,
    async (index) => (await stack.client.get(`/v1/predictions/${ids[index]}`)).status,
  )

  expect(last.body).toMatchObject({ status: 'succeeded' })
  const oldestKept = statuses.indexOf(200)
  expect(oldestKept).toBeGreaterThan(300)
  // submits overtake each other by a few
  expect(statuses.slice(oldestKept + 50).filter((status) => status !== 200)).toEqual([])
  expect(statuses.slice(0, oldestKept).filter((status) => status !== 404)).toEqual([])
})

test('when only unfinished predictions are left submits get 429, and workers finish them all', async () => {
  await worker?.stop()
  // a worker without models still sweeps
  await stack.startWorker({ ONQUEUE_MODELS_DIR: await stack.modelsFolder([]) })
  const accepted: string[] = []
  const completed = () => stack.redis.zcard(modelKeys(stack.prefix, 'iris').queue('completed'))
  const submitUntilNoneIsLeft = async () => {
    for (;;) {
      const answer = await stack.client.submit('iris', large)
      if (answer.status === 202) accepted.push(String(answer.body.id))
      // while there are finished ones to remove, a refusal passes
      else if ((await completed()) === 0 && (await usedShare()) > 0.8) return answer
    }
  }

  const [refused] = await Promise.all(Array.from({ length: 4 }, submitUntilNoneIsLeft))

  expect(refused).toMatchObject({ status: 429, body: { code: 'memory_full' } })
  expect(refused?.headers.get('retry-after')).toMatch(/^([1-9]|[1-5]\d|60)$/)
  expect(accepted.length).toBeGreaterThan(100)

  const successor = (worker = await stack.startWorker())
  const count = (status: string) => readMetric(successor, 'onqueue_predictions_total', { status })
  // those that finished first are swept while the others run, so that polling would not find them
  await vi.waitFor(async () => expect(await count('succeeded')).toBe(accepted.length), 40_000)

  expect(await count('failed')).toBe(0)
  await vi.waitFor(async () => {
    const answer = await stack.client.submit('iris', row, {}, { prefer: 'wait=10' })
    expect(answer).toMatchObject({ status: 201, body: { status: 'succeeded' } })
  }, 10_000)
})

test('a Redis that is full refuses submits, is swept, and gets the outcomes once it has room again', async () => {
  const [executor = 0] = await executorsOf(worker?.pid ?? 0, 'iris')
  expect(executor).toBeGreaterThan(0)
  // what was there before is being swept
  await vi.waitFor(async () => expect(await usedShare()).toBeLessThan(0.75), 10_000)
  const submit = async (count: number) => {
    const asked = Array.from({ length: count }, () => ({ input: row }))
    return (await submitInForm(stack, 'iris', asked, { companion: row })).ids
  }
  const [finished = ''] = await vi.waitFor(() => submit(1), 10_000)
  expect((await stack.client.untilFinal(finished)).body).toMatchObject({ status: 'succeeded' })
  signalAll([executor], 'SIGSTOP')
  const ids = await submit(20)
  await Promise.all(ids.map(stack.client.untilTaken))

  await stack.redis.config('SET', 'maxmemory', '1')
  signalAll([executor], 'SIGCONT')
  const answers = new Set<number>()
  const whileFull = await vi.waitFor(async () => {
    const answer = await stack.client.submit('iris', row)
    answers.add(answer.status)
    // until the API has read how full it is, Redis itself refuses
    expect(answer.status).toBe(429)
    const swept = await stack.client.get(`/v1/predictions/${finished}`)
    expect(swept.status).toBe(404)
    return answer
  }, 10_000)
  const held = await Promise.all(ids.map((id) => stack.client.get(`/v1/predictions/${id}`)))
  await stack.redis.config('SET', 'maxmemory', String(maxmemoryBytes))
  const ended = await Promise.all(
    ids.map((id) => stack.client.get(`/v1/predictions/${id}`, { prefer: 'wait=20' })),
  )

  expect([429, 503]).toEqual(expect.arrayContaining([...answers]))
  expect(whileFull).toMatchObject({ status: 429, body: { code: 'memory_full' } })
  expect(whileFull.headers.get('retry-after')).toMatch(/^([1-9]|[1-5]\d|60)$/)
  expect(held).toMatchObject(ids.map((id) => ({ status: 200, body: { id, status: 'processing' } })))
  expect(ended).toMatchObject(
    ids.map((id) => ({
      body: { id, status: 'succeeded', output: { prediction: 'setosa' }, metrics: { attempts: 1 } },
    })),
  )
})

test('a finished prediction is removed after its time, with all that belongs to it', async () => {
  const brief = await startStack({ models: [shippedModel('iris')], environment: { ONQUEUE_RETENTION: '2s' } })
  try {
    // too large for its job, so that it has a key of its own
    const input = Array.from({ length: 1000 }, () => row)
    const asked = [{ input, cancelAfterMs: 3_600_000 }]
    const { ids, jobIds } = await submitInForm(brief, 'iris', asked, { companion: row })
    const [id = '', jobId = ''] = [...ids, ...jobIds]
    const { expires_at: expiresAt, completed_at: completedAt } = (await brief.client.untilFinal(id)).body
    const { outcome, input: inputKey, pack, index, deadlines, queue } = modelKeys(brief.prefix, 'iris')
    const own = [queue(jobId), outcome(id), form === 'alone' ? inputKey(id) : pack(jobId)]
    // what all of a pack have in common
    const stem = packIdOf(id).slice(0, -2)
    const keysOf = async () =>
      (await brief.redis.keys(`${brief.prefix}:*`)).filter((key) => key.includes(stem))
    const keysBefore = await keysOf()

    await vi.waitFor(
      async () => expect((await brief.client.get(`/v1/predictions/${id}`)).status).toBe(404),
      10_000,
    )

    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt))
    expect(Date.parse(expiresAt) - Date.parse(completedAt)).toBe(2000)
    expect(keysBefore.toSorted()).toEqual(own.toSorted())
    expect(await keysOf()).toEqual([])
    for (const key of [index('anonymous'), deadlines, queue('completed'), queue('failed')]) {
      expect(await brief.redis.zcard(key)).toBe(0)
    }
    expect((await brief.client.get('/v1/predictions')).body.results).toEqual([])
  } finally {
    await brief.close()
  }
})

test("delivered webhooks go early where an operator's settings say that memory is short", async () => {
  const brief = await startStack({
    redisUrl: redis.url,
    environment: { ...loopbackWebhooks, ONQUEUE_SWEEP_WATERMARK: '0', ONQUEUE_RETENTION_MIN: '0s' },
  })
  const receiver = await startReceiver()
  try {
    await brief.startWebhooks()
    await brief.client.submit(
      'demo-classifier',
      { features: [1.0, -0.5, 2.1, 0.3] },
      { webhook: receiver.url },
    )
    await receiver.untilReceived(1)
    const status = async () => (await brief.client.get(`/v1/deliveries/${receiver.received[0]?.id}`)).status

    // deliveries are swept every ten seconds
    await vi.waitFor(async () => expect(await status()).toBe(404), 20_000)
  } finally {
    await brief.close()
    await receiver.close()
  }
})
