import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { expect, test, vi } from 'vitest'
import { startStack, testModel } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'

const path = '/v1/models/echo/predictions'
const megabytes = 1_000_000

const repeated = (text: string, bytes: number) => text.repeat(Math.floor(bytes / text.length))
const numbers = (bytes: number) => `{"input":{"x":[${repeated('0.5,', bytes)}1]}}`

/** Bodies that ended or held up a server by their shape alone, each with what it is answered. */
const shapes: Record<string, { body: string | Buffer; status: number }> = {
  'unknown names': {
    body: `{"input":{"x":[1]},${Array.from({ length: 700_000 }, (_, index) => `"${index}":0`).join(',')}}`,
    status: 413,
  },
  'as many unknown names as are let in': {
    body: `{"input":{"x":[1]},${Array.from({ length: 99_000 }, (_, index) => `"${index}${'y'.repeat(80)}":0`).join(',')}}`,
    status: 422,
  },
  'a string that does not end': { body: `{"input":"${repeated('\\', 10 * megabytes)}`, status: 400 },
  'empty arrays': { body: `{"input":[${repeated('[],', 10 * megabytes)}[]]}`, status: 413 },
  'as many arrays as are let in': { body: `{"input":{"x":[${repeated('[1],', 1_900_000)}1]}}`, status: 422 },
  'empty objects': { body: `{"input":[${repeated('{},', 10 * megabytes)}{}]}`, status: 413 },
  'many rows': { body: `{"input":[${repeated('1,', 10 * megabytes)}1]}`, status: 422 },
  'wrong numbers': { body: `{"input":{"x":[${repeated('null,', 10 * megabytes)}1]}}`, status: 422 },
  'deep nesting': { body: repeated('[', 10 * megabytes), status: 400 },
  'not UTF-8': {
    body: Buffer.concat([Buffer.from(numbers(9 * megabytes)), Buffer.from([0xff])]),
    status: 400,
  },
  'a name twice': { body: `{"input":{"x":[${repeated('1,', 9 * megabytes)}1],"x":[1]}}`, status: 422 },
  'numbers that grow': { body: `{"input":{"x":[${repeated('1e20,', 9 * megabytes)}1]}}`, status: 413 },
  blanks: { body: repeated(' ', 10 * megabytes), status: 400 },
  lines: { body: `[${repeated('\n', 10 * megabytes)}x]`, status: 400 },
}

test('no mix of hostile requests ends the API, or takes more memory than it may have', async () => {
  const stack = await startStack({ models: [testModel('echo')] })
  try {
    const { body: known } = await stack.client.submit('echo', { x: Array(900_000).fill(0.5) })
    const large = `/v1/predictions/${known.id}`
    const lists = '/v1/predictions?include=input,output&limit=100'
    const statuses: Record<string, number[]> = {}
    const note = (name: string, { status }: { status: number }) => void (statuses[name] ??= []).push(status)
    const unread = Array.from({ length: 20 }, () => readNothing(stack, large))

    await Promise.all([
      ...Object.entries(shapes).flatMap(([name, { body }]) =>
        Array.from({ length: 2 }, async () => note(name, await post(stack, body))),
      ),
      ...Array.from({ length: 30 }, async () => note('numbers', await post(stack, numbers(9.9 * megabytes)))),
      ...Array.from({ length: 20 }, async () => note('read', await stack.client.get(large))),
      ...Array.from({ length: 10 }, async () => note('list', await stack.client.get(lists))),
      ...Array.from({ length: 50 }, async () => note('livez', await stack.client.get('/livez'))),
    ])
    for (const socket of unread) socket.destroy()

    expect(Object.values(statuses).flat()).not.toContain(500)
    expect(statuses['livez']).toEqual(Array(50).fill(200))
    const peakBytes =
      Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${stack.api.pid}/status`, 'utf8'))?.[1]) * 1024
    expect(peakBytes).toBeLessThan(700 * megabytes)

    // one after the other each is told what is wrong with it, and the same process goes on
    for (const [name, { body, status }] of Object.entries(shapes)) {
      expect({ name, status: (await untilTaken(() => post(stack, body))).status }).toEqual({ name, status })
    }
    const answer = await stack.client.predict('echo', { x: [1, 2] })
    expect(answer).toMatchObject({ status: 200, body: { y: [1, 2] } })
    expect((await stack.client.get(large)).status).toBe(200)
    process.kill(stack.api.pid, 0)
  } finally {
    await stack.close()
  }
}, 180_000)

test('what one key may have open is bounded, and is told', async () => {
  const environment = {
    ONQUEUE_OPEN_BODIES_PER_KEY: '2',
    ONQUEUE_STREAMS_PER_KEY: '2',
    ONQUEUE_WAITS_PER_KEY: '2',
    ONQUEUE_UNDER_WAY_LIMIT_BYTES: '25000000',
  }
  const stack = await startStack({ models: [testModel('echo')], environment })
  try {
    for (const worker of stack.workers) worker.signal('SIGSTOP')
    const { body: queued } = await stack.client.submit('echo', { x: [1] })
    const events = `/v1/predictions/${queued.id}/events`

    const bodies = [openBody(stack, 10 * megabytes), openBody(stack, 10 * megabytes)]
    for (const body of bodies) body.write('{')
    await vi.waitFor(
      async () => expect(await bytesUnderWay(stack)).toBeGreaterThanOrEqual(20 * megabytes),
      10_000,
    )
    const thirdBody = await untilStatus(429, () => post(stack, numbers(megabytes)))
    const streams = await Promise.all([get(stack, events), get(stack, events)])
    const thirdStream = await stack.client.get(events)
    const wait = { prefer: 'wait=50' }
    const leaving = new AbortController()
    const waits = [1, 2].map(() =>
      fetch(`${stack.url}/v1/predictions/${queued.id}`, { headers: wait, signal: leaving.signal }),
    )
    const thirdWait = await untilStatus(429, () =>
      stack.client.get(`/v1/predictions/${queued.id}`, { prefer: 'wait=0.1' }),
    )
    const predicted = await stack.client.predict('echo', { x: [1] })

    for (const refused of [thirdBody, thirdStream, thirdWait, predicted]) {
      expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_open' } })
      expect(refused.headers.get('retry-after')).toBe('1')
    }
    expect((await stack.client.submit('echo', { x: [1] })).status).toBe(202)

    for (const body of bodies) body.on('error', () => undefined).destroy()
    for (const stream of streams) stream.destroy()
    leaving.abort()
    await Promise.allSettled(waits)
    await untilStatus(202, () => post(stack, numbers(megabytes)))
    await untilStatus(200, () => stack.client.get(`/v1/predictions/${queued.id}`, { prefer: 'wait=0.1' }))
    for (const worker of stack.workers) worker.signal('SIGCONT')
    expect((await stack.client.untilFinal(queued.id)).body.status).toBe('succeeded')
  } finally {
    await stack.close()
  }
})

test('bytes beyond the budget are refused with 503 until there is room, and a body that does not come is ended', async () => {
  const environment = { ONQUEUE_UNDER_WAY_LIMIT_BYTES: '15000000', ONQUEUE_BODY_TIMEOUT: '3s' }
  const stack = await startStack({ models: [testModel('echo')], environment })
  try {
    const slow = openBody(stack, 10 * megabytes)
    slow.write('{"input":')
    await vi.waitFor(
      async () => expect(await bytesUnderWay(stack)).toBeGreaterThanOrEqual(10 * megabytes),
      10_000,
    )

    const beyond = await untilStatus(503, () => post(stack, numbers(9 * megabytes)))
    const small = await stack.client.submit('echo', { x: [1] })
    const [response]: IncomingMessage[] = await once(slow, 'response')

    expect(beyond).toMatchObject({ status: 503, body: { code: 'server_busy' } })
    expect(beyond.headers.get('retry-after')).toBe('1')
    expect(small.status).toBe(202)
    expect(response?.statusCode).toBe(408)
    expect((await untilStatus(202, () => post(stack, numbers(9 * megabytes)))).status).toBe(202)
    slow.on('error', () => undefined).destroy()
  } finally {
    await stack.close()
  }
})

type Status = { status: number; body: { code?: string }; headers: Headers }

const post = async (stack: Stack, body: string | Buffer): Promise<Status> => {
  try {
    const response = await fetch(stack.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    return { status: response.status, body: JSON.parse(await response.text()), headers: response.headers }
  } catch (err) {
    // refused before it was sent whole: the answer may be lost with the connection
    if (err instanceof TypeError) return { status: 0, body: {}, headers: new Headers() }
    throw err
  }
}

const untilStatus = async <Answer extends { status: number }>(status: number, ask: () => Promise<Answer>) => {
  for (;;) {
    const answer = await ask()
    if (answer.status === status) return answer
  }
}

/** Asks again as long as there is no room. */
const untilTaken = async (ask: () => Promise<Status>) => {
  for (;;) {
    const answer = await ask()
    if (![0, 429, 503].includes(answer.status)) return answer
  }
}

const bytesUnderWay = async (stack: Stack) => {
  const { text } = await stack.client.get('/metrics')
  return Number(/^onqueue_under_way_bytes (\d+)/m.exec(text)?.[1])
}

const openBody = (stack: Stack, bytes: number): ClientRequest =>
  request(stack.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': bytes },
  })

const get = async (stack: Stack, of: string) => {
  const asked = request(stack.url + of).end()
  await once(asked, 'response')
  return asked
}

const readNothing = (stack: Stack, of: string) => {
  const { hostname, port } = new URL(stack.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  socket.pause()
  socket.write(`GET ${of} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`)
  return socket
}
