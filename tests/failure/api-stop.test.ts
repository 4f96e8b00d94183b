import { once } from 'node:events'
import { Agent, request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { createConnection } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { pickPort } from '../../scripts/redis/ports.ts'
import { createClient } from '../support/client.ts'
import { startStack } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'

let stack: Stack

beforeAll(async () => {
  stack = await startStack({
    models: [{ name: 'slow', of: 'slow', settings: 'example: { n: [1] }\ninstances: 2\ntimeout_s: 60' }],
  })
})
afterAll(() => stack.close())

/** Another API process, to be stopped. */
const startApi = async (environment: Record<string, string> = {}) => {
  const healthPort = await pickPort()
  const api = await stack.startApi({ ONQUEUE_API_HEALTH_PORT: String(healthPort), ...environment })
  const client = createClient(api.url)
  await client.untilServed('slow')
  return { api, client, health: createClient(`http://127.0.0.1:${healthPort}`) }
}

/** A connection that is kept alive: requests go over it one after the other. */
const keptAlive = (url: string) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  const ask = async (path: string, body?: unknown) => {
    const asking = request(`${url}${path}`, {
      agent,
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json' },
    })
    asking.end(body === undefined ? undefined : JSON.stringify(body))
    const [response] = await once(asking, 'response')
    const { statusCode, headers }: { statusCode: number; headers: IncomingHttpHeaders } = response
    return { status: statusCode, connection: headers.connection, text: await text(response) }
  }
  return { ask, isReused: () => Object.keys(agent.freeSockets).length > 0 }
}

const untilWaiting = (health: ReturnType<typeof createClient>, count: number) =>
  vi.waitFor(
    async () => expect((await health.get('/metrics')).text).toContain(`onqueue_waiters ${count}\n`),
    {
      timeout: 20_000,
      interval: 20,
    },
  )

const untilClosing = (health: ReturnType<typeof createClient>) =>
  vi.waitFor(async () => expect((await health.get('/readyz')).status).toBe(503), {
    timeout: 20_000,
    interval: 5,
  })

test('who waits when the API is stopped gets the answer, and all other kinds of waits theirs', async () => {
  const { api, client, health } = await startApi()
  // nothing ends before it goes on
  for (const worker of stack.workers) worker.signal('SIGSTOP')
  const { body: submitted } = await client.submit('slow', { n: [40] })
  const predicting = Array.from({ length: 30 }, () => client.predict('slow', { n: [20] }))
  const submitting = client.submit('slow', { n: [30] }, {}, { prefer: 'wait=20' })
  const polling = client.get(`/v1/predictions/${submitted.id}`, { prefer: 'wait=20' })
  await untilWaiting(health, 32)

  api.signal('SIGTERM')
  await untilClosing(health)
  for (const worker of stack.workers) worker.signal('SIGCONT')

  expect(new Set((await Promise.all(predicting)).map((answer) => answer.text))).toEqual(new Set(['{"y":20}']))
  expect(await submitting).toMatchObject({ status: 201, body: { status: 'succeeded' } })
  expect(await polling).toMatchObject({ status: 200, body: { status: 'succeeded', output: { y: 40 } } })
  expect(await api.ended).toBe(0)
})

test('a wait that is not over when the grace time is ends then, as if its time were over', async () => {
  const { api, client, health } = await startApi({ ONQUEUE_API_GRACE: '0.5s' })
  // nothing ends before it goes on
  for (const worker of stack.workers) worker.signal('SIGSTOP')
  const predicting = client.predict('slow', { n: [1] })
  const submitting = client.submit('slow', { n: [1] }, { priority: 'low' }, { prefer: 'wait=30' })
  const { body: two } = await stack.client.submit('slow', { n: [1] }, { priority: 'low' })
  const reading = client.readMany([two.id], { wait: 30 })
  await untilWaiting(health, 3)

  api.signal('SIGTERM')

  const [predicted, queued, read] = await Promise.all([predicting, submitting, reading])
  for (const worker of stack.workers) worker.signal('SIGCONT')
  expect(predicted).toMatchObject({ status: 504, body: { code: 'wait_over' } })
  expect(queued).toMatchObject({ status: 202, body: { completed_at: null } })
  expect(read).toMatchObject({ status: 200, body: { results: [{ completed_at: null }] } })
  expect(await api.ended).toBe(0)
  // they go on
  expect((await stack.client.untilFinal(predicted.body.id)).body.status).toBe('succeeded')
})

test('it is not ready first, then takes no connections, and answers all that comes on those it has', async () => {
  const { api, client, health } = await startApi({ ONQUEUE_API_DRAIN: '1.5s' })
  const idle = [1, 2, 3].map(() => keptAlive(api.url))
  for (const { ask } of idle)
    expect(await ask('/health')).toMatchObject({ status: 200, connection: 'keep-alive' })
  const waiting = client.predict('slow', { n: [1500] })
  await untilWaiting(health, 1)

  api.signal('SIGTERM')
  await untilClosing(health)

  // balancers have not noticed yet: everything is served
  const { text: reasons, status } = await client.get('/readyz')
  expect(status).toBe(503)
  expect(reasons).toContain('this process stops')
  const late = await client.predict('slow', { n: [1] })
  expect(late.status).toBe(200)
  expect(await idle[0]?.ask('/v1/models/slow/predict', { n: [2] })).toEqual({
    status: 200,
    connection: 'close',
    text: '{"y":2}',
  })
  // no more connections
  await vi.waitFor(() => expect(dial(api.url)).rejects.toThrow('ECONNREFUSED'), { timeout: 10_000 })
  expect(idle[1]?.isReused()).toBe(true)
  expect(await idle[1]?.ask('/v1/models/slow/predictions', { input: { n: [3] } })).toMatchObject({
    status: 202,
    connection: 'close',
  })
  expect((await health.get('/livez')).status).toBe(200)
  expect((await waiting).text).toBe('{"y":1500}')
  expect(await api.ended).toBe(0)
})

const dial = async (url: string) => {
  const socket = createConnection(Number(new URL(url).port), '127.0.0.1')
  await once(socket, 'connect').finally(() => socket.destroy())
}

test('who follows a prediction is told to connect again, and goes on elsewhere where he was', async () => {
  const { api, client } = await startApi()
  const { body } = await client.submit('slow', { n: [1000] })
  await client.untilTaken(body.id)
  const first = await fetch(`${api.url}/v1/predictions/${body.id}/events`)
  const reading = first.text()

  api.signal('SIGTERM')

  const told = await reading
  expect(told).toMatch(/\n\nretry: 1000\n: this process stops; .*\n\n$/)
  const seen = [...told.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? ''
  const later = await stack.client.get(`/v1/predictions/${body.id}/events`, { 'last-event-id': seen })
  expect(later.text.match(/^event: prediction$/gm)).toHaveLength(1)
  expect(later.text).toContain('"status":"succeeded"')
  expect(later.text).not.toContain('retry:')
  expect(await api.ended).toBe(0)
})

test('connections that are idle do not hold it up, nor one that never sends its request', async () => {
  const { api } = await startApi()
  const idle = keptAlive(api.url)
  await idle.ask('/health')
  const mute = createConnection(Number(new URL(api.url).port), '127.0.0.1')
  await once(mute, 'connect')
  mute.on('error', () => undefined).write('POST /predict HTTP/1.1\r\nHost: loc')

  api.signal('SIGTERM')

  expect(await api.ended).toBe(0)
})

test('an API whose starter is gone does not wait for its waits', async () => {
  const { api, client, health } = await startApi({ ONQUEUE_API_DRAIN: '60s', ONQUEUE_API_GRACE: '60s' })
  for (const worker of stack.workers) worker.signal('SIGSTOP')
  const predicting = client.predict('slow', { n: [1] })
  await untilWaiting(health, 1)

  api.abandon()

  expect((await predicting).status).toBe(504)
  expect(await api.ended).toBe(0)
  for (const worker of stack.workers) worker.signal('SIGCONT')
})
