import { modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { form, leastPacked, submitInForm } from '../support/forms.ts'
import { readMetric } from '../support/metrics.ts'
import { startStack, testModel } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'
import { everyView } from '../support/views.ts'

/** Everything here happens while no worker is alive, up to the last test, in which one comes back. */
let stack: Stack
const { canceled, expired, waiting, jobs } = {
  canceled: Array<string>(),
  expired: Array<string>(),
  waiting: Array<string>(),
  jobs: Array<string>(),
}

beforeAll(async () => {
  stack = await startStack({ models: [testModel('throws')] })
  // it has published the model's card, and is not needed any more
  await stack.workers[0]?.stop()
})
afterAll(() => stack.close())

const submit = async (fields: { cancelAfterMs?: number } = {}) => {
  const asked = [{ input: { i: 3 }, ...fields }]
  const { ids, jobIds } = await submitInForm(stack, 'throws', asked, { companion: { i: 1 } })
  jobs.push(...jobIds)
  return String(ids[0])
}

test('a cancel ends a prediction at once, and poll, wait, list and events agree', async () => {
  waiting.push(await submit())
  const id = await submit()
  const waiter = stack.client.untilFinal(id)
  const listener = stack.client.get(`/v1/predictions/${id}/events`)

  const answer = await stack.client.call('POST', `/v1/predictions/${id}/cancel`)

  expect(answer.status).toBe(200)
  expect(answer.body).toMatchObject({
    status: 'canceled',
    output: null,
    error: { code: 'canceled' },
    started_at: null,
  })
  expect((await waiter).body).toEqual(answer.body)
  expect((await listener).text).toContain(JSON.stringify(answer.body))
  for (const view of await everyView(stack.client, id)) expect(view).toEqual(answer.body)
  canceled.push(id)
})

test('a deadline ends a prediction as expired, and poll, wait, list and events agree', async () => {
  const id = await submit({ cancelAfterMs: 1000 })
  waiting.push(await submit({ cancelAfterMs: 3_600_000 }))
  const listener = stack.client.get(`/v1/predictions/${id}/events`)

  const waited = await stack.client.get(`/v1/predictions/${id}`, { prefer: 'wait=10' })

  expect(waited.body).toMatchObject({
    status: 'expired',
    output: null,
    error: { code: 'expired' },
    started_at: null,
  })
  const { created_at: createdAt, deadline, completed_at: completedAt } = waited.body
  expect(Date.parse(deadline) - Date.parse(createdAt)).toBe(1000)
  expect(Date.parse(completedAt)).toBeGreaterThanOrEqual(Date.parse(deadline))
  expect(Date.parse(completedAt) - Date.parse(deadline)).toBeLessThan(3000)
  expect((await listener).text).toContain(JSON.stringify(waited.body))
  for (const view of await everyView(stack.client, id)) expect(view).toEqual(waited.body)
  expired.push(id)
})

test('a deadline that nobody watched has ended the prediction when somebody looks', async () => {
  const id = await submit({ cancelAfterMs: 1000 })
  const { body } = await stack.client.get(`/v1/predictions/${id}`)

  await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(Date.parse(body.deadline)), 20_000)

  const views = await everyView(stack.client, id)
  expect(views.map((view) => view.status)).toEqual(['expired', 'expired', 'expired', 'expired'])
  expired.push(id)
})

test('a worker that comes later runs what still waits, clears the rest away, and changes nothing', async () => {
  const ended = await Promise.all(
    [...canceled, ...expired].map((id) => stack.client.get(`/v1/predictions/${id}`)),
  )

  const worker = await stack.startWorker()
  const ran = await Promise.all(waiting.map((id) => stack.client.untilFinal(id)))

  expect(ran).toMatchObject([
    { body: { status: 'succeeded', output: { value: 30 } } },
    { body: { status: 'succeeded', output: { value: 30 } } },
  ])
  const { queue } = modelKeys(stack.prefix, 'throws')
  await vi.waitFor(async () => expect(await stack.redis.zcard(queue('completed'))).toBe(5), 10_000)
  expect((await stack.redis.zrange(queue('completed'), '0', '-1')).toSorted()).toEqual(jobs.toSorted())
  expect(await Promise.all(['wait', 'active'].map((name) => stack.redis.llen(queue(name))))).toEqual([0, 0])
  expect(await Promise.all(['prioritized', 'delayed'].map((name) => stack.redis.zcard(queue(name))))).toEqual(
    [0, 0],
  )
  expect(await readMetric(worker, 'onqueue_micro_batch_rows_sum', { model: 'throws' })).toBe(
    // of those in packs the companions of all five run
    form === 'alone' ? 2 : 2 + 5 * (leastPacked - 1),
  )
  const stillEnded = await Promise.all(
    [...canceled, ...expired].map((id) => stack.client.get(`/v1/predictions/${id}`)),
  )
  expect(stillEnded.map(({ body }) => body)).toEqual(ended.map(({ body }) => body))
  expect(ended.map(({ body }) => body.status)).toEqual(['canceled', 'expired', 'expired'])
})
