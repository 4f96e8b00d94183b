import { afterAll, beforeAll, expect, test } from 'vitest'
import { startStack } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

let stack: Stack

beforeAll(async () => {
  stack = await startStack({
    models: [
      { name: 'slow', of: 'slow', settings: 'example: { n: [1] }\ninstances: 1\ntimeout_s: 60' },
      { name: 'hasty', of: 'slow', settings: 'example: { n: [1] }\ninstances: 1\ntimeout_s: 0.5' },
    ],
  })
})
afterAll(() => stack.close())

test('a submit answers 202 at once, with where to look and when', async () => {
  const answer = await stack.client.submit('slow', { n: [300] }, { metadata: { order: '17' } })

  expect(answer.status).toBe(202)
  expect(answer.headers.get('location')).toBe(`/v1/predictions/${answer.body.id}`)
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  expect(answer.headers.get('x-request-id')).toBeTruthy()
  expect(answer.body).toMatchObject({
    object: 'prediction',
    model: 'slow',
    version: '1',
    status: 'queued',
    input: { n: [300] },
    output: null,
    error: null,
    metadata: { order: '17' },
    priority: 'normal',
    deadline: null,
    webhook: null,
    started_at: null,
    completed_at: null,
    expires_at: null,
  })
  expect(Object.keys(answer.body.urls)).toEqual(['get', 'cancel', 'events', 'deliveries'])
  await stack.client.untilFinal(answer.body.id)
})

test('a submit that waits answers 201 when it finished in time', async () => {
  const answer = await stack.client.submit('slow', { n: [1] }, {}, { prefer: 'wait=10' })

  expect(answer.status).toBe(201)
  expect(answer.headers.get('preference-applied')).toMatch(/wait/)
  expect(answer.body).toMatchObject({ status: 'succeeded', output: { y: 1 } })
  expect(answer.body.metrics).toMatchObject({ batch_size: 1, attempts: 1 })
  expect(answer.body.metrics.total_time).toBeGreaterThanOrEqual(answer.body.metrics.queue_time)
})

test('201 means finished, not good', async () => {
  const answer = await stack.client.submit('hasty', { n: [20000] }, {}, { prefer: 'wait=30' })

  expect(answer.status).toBe(201)
  expect(answer.body).toMatchObject({ status: 'failed', output: null, error: { code: 'timed_out' } })
})

test('a wait that is over answers 202 with the prediction as it is', async () => {
  const answer = await stack.client.submit('slow', { n: [300] }, {}, { prefer: 'respond-async, wait=0.1' })

  expect(answer.status).toBe(202)
  expect(['queued', 'processing']).toContain(answer.body.status)
  await stack.client.untilFinal(answer.body.id)
})

test('a malformed wait is ignored', async () => {
  const answer = await stack.client.submit('slow', { n: [100] }, {}, { prefer: 'wait=soon' })

  expect(answer.status).toBe(202)
  expect(answer.headers.get('preference-applied')).toBe(null)
  await stack.client.untilFinal(answer.body.id)
})

test('an unchanged prediction is 304, and If-None-Match with a wait answers at the change', async () => {
  const { body } = await stack.client.submit('slow', { n: [400] })
  await expect
    .poll(async () => (await stack.client.get(`/v1/predictions/${body.id}`)).body.status)
    .toBe('processing')
  const seen = await stack.client.get(`/v1/predictions/${body.id}`)
  const etag = seen.headers.get('etag') ?? ''

  const unchanged = await stack.client.get(`/v1/predictions/${body.id}`, { 'if-none-match': etag })
  const changed = await stack.client.get(`/v1/predictions/${body.id}`, {
    'if-none-match': etag,
    prefer: 'wait=10',
  })

  expect(etag).not.toBe('')
  expect(unchanged.status).toBe(304)
  expect(changed.status).toBe(200)
  expect(changed.body.status).toBe('succeeded')
})

test('events tell every change and end after the last', async () => {
  const { body } = await stack.client.submit('slow', { n: [300] })

  const path = body.urls.events.slice(stack.url.length)
  const stream = await fetch(
    body.urls.events.startsWith(stack.url)
      ? body.urls.events
      : stack.url + new URL(body.urls.events).pathname + new URL(body.urls.events).search,
  )
  const text = await stream.text()

  expect(path).toBeTruthy()
  expect(stream.headers.get('content-type')).toMatch(/^text\/event-stream/)
  const statuses = [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data).status)
  expect(statuses.at(-1)).toBe('succeeded')
  expect(text).toMatch(/^event: prediction$/m)
  expect(text).toMatch(/^id: /m)
})

test('predict answers the bare output', async () => {
  const answer = await stack.client.predict('slow', { n: [2] })

  expect(answer.status).toBe(200)
  expect(answer.text).toBe('{"y":2}')
})

test('predict whose wait is over answers 504 with where to go on, and it goes on', async () => {
  const answer = await stack.client.call('POST', '/v1/models/slow/predict?wait=0.1', { n: [300] })

  expect(answer.status).toBe(504)
  const location = answer.headers.get('location') ?? ''
  expect(location).toMatch(/^\/v1\/predictions\/slow-/)
  const ended = await stack.client.get(location, { prefer: 'wait=30' })
  expect(ended.body).toMatchObject({ status: 'succeeded', output: { y: 300 } })
})

test('predict of a row that takes too long answers 504 timed_out', async () => {
  const answer = await stack.client.predict('hasty', { n: [20000] })

  expect(answer.status).toBe(504)
  expect(answer.body.code).toBe('timed_out')
})

test('the list is newest first, in pages, without inputs unless asked for', async () => {
  const ids: string[] = []
  for (let index = 0; index < 5; index += 1) {
    const { body } = await stack.client.submit('slow', { n: [1] }, {}, { prefer: 'wait=10' })
    ids.unshift(body.id)
  }

  const first = await stack.client.get('/v1/predictions?model=slow&limit=3')
  const nextUrl = new URL(first.body.next)
  const second = await stack.client.get(`${nextUrl.pathname}${nextUrl.search}`)

  expect(first.body.results.map((one: { id: string }) => one.id)).toEqual(ids.slice(0, 3))
  expect(second.body.results.slice(0, 2).map((one: { id: string }) => one.id)).toEqual(ids.slice(3))
  expect(first.body.results[0]).not.toHaveProperty('output')
  const succeeded = await stack.client.get('/v1/predictions?status=failed&limit=100')
  expect(succeeded.body.results.every((one: { status: string }) => one.status === 'failed')).toBe(true)
})
