import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { readMetric } from './support/metrics.ts'
import { executorsOf, untilComputing } from './support/processes.ts'
import { startStack } from './support/stack.ts'
import type { Stack } from './support/stack.ts'
import { everyView, follow } from './support/views.ts'

let stack: Stack

beforeAll(async () => {
  stack = await startStack({
    models: [
      { name: 'slow', of: 'slow', settings: 'example: { n: [1] }\ninstances: 1\ntimeout_s: 60' },
      { name: 'endless', of: 'slow', settings: 'example: { n: [1] }\ninstances: 1\ntimeout_s: 600' },
    ],
  })
})
afterAll(() => stack.close())

/** Keeps the one executor busy for about this long. */
const occupy = async (ms: number) => {
  const { body } = await stack.client.submit('slow', { n: [ms] }, { priority: 'high' })
  await expect
    .poll(async () => (await stack.client.get(`/v1/predictions/${body.id}`)).body.status)
    .not.toBe('queued')
  return String(body.id)
}

/** `followed`: what was shown to those who followed the prediction while it ended. */
const expectAgreement = async (id: string, status: string, followed: unknown[] = []) => {
  const views = [...(await everyView(stack.client, id)), ...followed]
  for (const view of views) expect(view).toEqual(views[0])
  expect(views[0].status).toBe(status)
}

test('canceled before it ran: every view says so, and it never runs', async () => {
  const busy = await occupy(300)
  const { body } = await stack.client.submit('slow', { n: [1] }, { priority: 'low' })
  const followed = follow(stack.client, body.id)

  const canceled = await stack.client.call('POST', `/v1/predictions/${body.id}/cancel`)

  expect(canceled.status).toBe(200)
  expect(canceled.body).toMatchObject({ status: 'canceled', output: null, error: { code: 'canceled' } })
  await stack.client.untilFinal(busy)
  await expectAgreement(body.id, 'canceled', await followed)
})

test('canceled while it ran: the cancel stands', async () => {
  const id = await occupy(500)
  const followed = follow(stack.client, id)

  const canceled = await stack.client.call('POST', `/v1/predictions/${id}/cancel`)

  expect(canceled.body.status).toBe('canceled')
  const next = await stack.client.predict('slow', { n: [1] })
  expect(next.status).toBe(200)
  await expectAgreement(id, 'canceled', [canceled.body, ...(await followed)])
})

test('canceled after it finished: nothing changes', async () => {
  const { body } = await stack.client.submit('slow', { n: [1] })
  const finished = await stack.client.untilFinal(body.id)

  const canceled = await stack.client.call('POST', `/v1/predictions/${body.id}/cancel`)

  expect(canceled.status).toBe(200)
  expect(canceled.body).toEqual(finished.body)
  await expectAgreement(body.id, 'succeeded')
})

test('a storm of cancels against running predictions leaves all views in agreement', async () => {
  const submitted = await Promise.all(
    Array.from({ length: 60 }, () => stack.client.submit('slow', { n: [5] })),
  )
  const ids = submitted.map(({ body }) => String(body.id))

  const canceled = ids.filter((_, index) => index % 2)
  const answers = await Promise.all(
    canceled.map((id) => stack.client.call('POST', `/v1/predictions/${id}/cancel`)),
  )
  await Promise.all(ids.map((id) => stack.client.untilFinal(id)))

  for (const id of ids) {
    const views = await everyView(stack.client, id)
    for (const view of views) expect(view).toEqual(views[0])
    expect(['succeeded', 'canceled']).toContain(views[0].status)
  }
  for (const { body } of answers) {
    const shown = await stack.client.get(`/v1/predictions/${body.id}`)
    expect(body).toEqual(shown.body)
  }
})

test('a deadline that passes in the queue ends it as expired, without a run', async () => {
  const busy = await occupy(1500)
  const { body } = await stack.client.submit(
    'slow',
    { n: [1] },
    { priority: 'low' },
    { 'cancel-after': '0.2' },
  )

  const ended = await stack.client.untilFinal(body.id)

  expect(body.deadline).toEqual(expect.any(String))
  expect(ended.body).toMatchObject({ status: 'expired', output: null, error: { code: 'expired' } })
  expect(ended.body.metrics.predict_time).toBe(null)
  await stack.client.untilFinal(busy)
  await expectAgreement(body.id, 'expired')
})

test('a deadline that passes while it runs cancels it', async () => {
  const { body } = await stack.client.submit('slow', { n: [4000] }, {}, { 'cancel-after': '1.5s' })

  const ended = await stack.client.untilFinal(body.id)

  expect(ended.body).toMatchObject({ status: 'canceled', error: { code: 'canceled' } })
})

test('a caller of predict that goes away leaves nothing running', async () => {
  const busy = await occupy(600)
  const controller = new AbortController()
  const calling = fetch(`${stack.url}/v1/models/slow/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ n: [7] }),
    signal: controller.signal,
  })
  const find = async () => {
    const { body } = await stack.client.get('/v1/predictions?limit=100&include=input')
    return body.results.find((one: { input: { n: number[] } }) => one.input.n?.[0] === 7)
  }
  await expect.poll(find).toBeDefined()

  controller.abort()

  await expect(calling).rejects.toThrow()
  await expect.poll(async () => (await find()).status).toBe('canceled')
  await stack.client.untilFinal(busy)
})

const countStopped = async () => {
  const [worker] = stack.workers
  return worker ? readMetric(worker, 'onqueue_runs_stopped_total', { model: 'endless' }) : Number.NaN
}

/** One that was taken may still be found to have ended before its run begins. */
const untilItRuns = async () => {
  const [executor = 0] = await vi.waitFor(async () => {
    const executors = await executorsOf(stack.workers[0]?.pid ?? 0, 'endless')
    expect(executors).toHaveLength(1)
    return executors
  }, 20_000)
  await untilComputing(executor)
}

/** Of a model whose runs take longer than any test may. */
const submitEndless = async (headers: Record<string, string> = {}) => {
  const { body } = await stack.client.submit('endless', { n: [500_000] }, {}, headers)
  await untilItRuns()
  return String(body.id)
}

test.each([
  {
    how: 'its cancel',
    end: async () => {
      const id = await submitEndless()
      await stack.client.call('POST', `/v1/predictions/${id}/cancel`)
    },
  },
  {
    how: 'its deadline',
    end: async () => {
      await submitEndless({ 'cancel-after': '2s' })
    },
  },
  {
    how: 'its being deleted',
    end: async () => {
      const id = await submitEndless()
      await stack.client.call('DELETE', `/v1/predictions/${id}`)
    },
  },
  {
    how: 'its caller of predict having left',
    end: async () => {
      const leaving = new AbortController()
      const calling = fetch(`${stack.url}/v1/models/endless/predict`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ n: [500_001] }),
        signal: leaving.signal,
      })
      await untilItRuns()
      leaving.abort()
      await expect(calling).rejects.toThrow()
    },
  },
])('a run does not outlive $how by long: others are served by the same model', async ({ end }) => {
  const stoppedBefore = await countStopped()
  await end()

  const next = await stack.client.submit('endless', { n: [1] })
  const { body } = await stack.client.untilFinal(next.body.id)

  expect(body).toMatchObject({ status: 'succeeded', output: { y: 1 }, metrics: { attempts: 1 } })
  expect((await countStopped()) - stoppedBefore).toBe(1)
})

/** An outcome can be seen a moment before the worker has told BullMQ that the job is done. */
const untilLetGo = (id: string) =>
  expect.poll(() => stack.redis.exists(`${jobKey(id)}:lock`), { timeout: 10_000 }).toBe(0)

const jobKey = (id: string) => `${stack.prefix}:{slow}:predictions:${id}`

test('a deleted prediction is forgotten', async () => {
  const { body } = await stack.client.submit('slow', { n: [1] })
  await stack.client.untilFinal(body.id)
  await untilLetGo(body.id)

  const deleted = await stack.client.call('DELETE', `/v1/predictions/${body.id}`)

  expect(deleted.status).toBeLessThan(300)
  const gone = await stack.client.get(`/v1/predictions/${body.id}`)
  expect(gone.status).toBe(404)
  // what keeps a worker that still holds it from writing the output after all
  const tombstone = `${stack.prefix}:{slow}:outcome:${body.id}`
  const keys = (await stack.redis.keys(`*${body.id}*`)).filter((key) => key.startsWith(stack.prefix))
  expect(keys).toEqual([tombstone])
  expect(JSON.parse((await stack.redis.get(tombstone)) ?? '').output).toBe(null)
  expect(await stack.redis.ttl(tombstone)).toBeGreaterThan(0)
})

test('a prediction deleted while it runs loses its input and owner at once, and gets no output', async () => {
  const id = await occupy(1000)

  const deleted = await stack.client.call('DELETE', `/v1/predictions/${id}`)

  expect(deleted.status).toBeLessThan(300)
  expect((await stack.client.get(`/v1/predictions/${id}`)).status).toBe(404)
  const job = JSON.parse((await stack.redis.hget(jobKey(id), 'data')) ?? '')
  expect(job).toMatchObject({ owner: '', metadata: {} })
  expect(job).not.toHaveProperty('input')
  await untilLetGo(id)
  const tombstone = await stack.redis.get(`${stack.prefix}:{slow}:outcome:${id}`)
  expect(JSON.parse(tombstone ?? '').output).toBe(null)
})
