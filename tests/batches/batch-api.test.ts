import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { gzipSync } from 'node:zlib'
import { createBatchStore, modelKeys } from '@onqueue/shared'
import type { BatchRecord } from '@onqueue/shared'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createUploader } from '../files/uploader.ts'
import { sendRaw } from '../support/raw-http.ts'
import { shippedModel, startStack, testModel } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'
import { createBatcher, parseLines } from './batcher.ts'
import type { Batcher } from './batcher.ts'

/** What is true of a batch as a resource: whose it is, how it is asked for, followed, and given back. */
let stack: Stack
let anyone: Batcher
let guarded: StackProcess
/** two for each executor of its one worker */
const chunksInQueue = 4
const as = (owner: string) => createBatcher(guarded.url, { key: `key-of-${owner}` })

beforeAll(async () => {
  stack = await startStack({
    models: [
      shippedModel('iris'),
      testModel('slow'),
      testModel('echo'),
      { name: 'once', of: 'echo', settings: 'batch: { executor: off }' },
    ],
    environment: { ONQUEUE_BATCH_EXECUTORS: '2' },
  })
  anyone = createBatcher(stack.url)
  guarded = await stack.startApi({
    ONQUEUE_API_KEYS: ['ada', 'bob']
      .map((name) => `${name}:${createHash('sha256').update(`key-of-${name}`).digest('hex')}`)
      .join(','),
  })
})
afterAll(() => stack.close())

/** Tells the commands that a Redis does, also in scripts, as it does them. */
const openMonitor = async (redisUrl: string, tell: (line: string) => void) => {
  const { hostname, port, password } = new URL(redisUrl)
  const socket = connect(Number(port), hostname)
  const lines = createInterface(socket)
  socket.write(password === '' ? 'MONITOR\r\n' : `AUTH ${password}\r\nMONITOR\r\n`)
  lines.on('line', tell)
  await vi.waitUntil(() => socket.bytesRead > 0)
  return socket
}

const flower = { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 }
const line = `${JSON.stringify({ features: flower })}\n`
/** Rows of which those that run together take so many ms. 65,536 of them are a chunk. */
const slowLines = (rows: number, ms: number) => `{"n":[${ms}]}\n`.repeat(rows)

test.each([
  ['csv', 'a;b;c\n1;2;3\n', 'separated by ";"'],
  [
    'csv',
    'sepal_lenth,sepal_width,petal_length,petal_width\n1,2,3,4\n',
    'is "sepal_lenth" meant to be "sepal_length"?',
  ],
  ['csv', '', 'is empty'],
  ['csv', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), 'PNG'],
  ['csv', gzipSync('a,b'), "-H 'content-encoding: gzip'"],
  ['jsonl', `[${line.trim()}]`, 'is a JSON array'],
  ['jsonl', 'a,b\n1,2\n', 'none of its first lines is a JSON object'],
] as const)(
  'a file of which no row can be read is refused with what is wrong: %s %#',
  async (format, body, sentence) => {
    const { status, body: problem } = await anyone.submit('iris', body, { format })

    expect(status).toBe(422)
    expect(problem).toMatchObject({ code: 'invalid_file', detail: expect.stringContaining(sentence) })
    expect((await createUploader(stack.url).list()).results).toEqual([])
  },
)

test.each([
  [415, 'unsupported_media_type', () => anyone.call('POST', '/v1/models/iris/batches', line)],
  [404, 'model_not_found', () => anyone.submit('irs', line)],
  [422, 'version_not_found', () => anyone.submit('iris', line, { query: '?version=9' })],
  [400, 'invalid_request', () => anyone.submit('iris', line, { query: '?max_failed_rows=many' })],
  [400, 'invalid_request', () => anyone.submit('iris', line, { query: '?webhok=x' })],
  [422, 'invalid_input', () => anyone.submitFile('iris', { input_fil: 'x' })],
  [
    400,
    'invalid_request',
    () =>
      anyone.call('POST', '/v1/models/iris/batches?output_format=csv', '{"input_file":"x"}', {
        'content-type': 'application/json',
      }),
  ],
  [404, 'file_not_found', () => anyone.submitFile('iris', { input_file: 'file-01M8385V83Q14TMRTXTM4VG0KW' })],
  [404, 'batch_not_found', () => anyone.get('/v1/batches/batch-iris-01M8385V83Q14TMRTXTM4VG0KW')],
  [404, 'batch_not_found', () => anyone.get('/v1/batches/nonsense')],
])('%i %s', async (status, code, ask) => {
  expect(await ask()).toMatchObject({ status, body: { code, detail: expect.any(String) } })
})

test('what is named by another owner is not there', async () => {
  const { body } = await as('ada').submit('iris', line)
  await as('ada').untilEnded(body.id)

  const paths = ['', '/output', '/errors', '/events'].map((end) => `/v1/batches/${body.id}${end}`)
  const answers = await Promise.all(paths.map((path) => as('bob').get(path)))
  const canceled = await as('bob').call('POST', `/v1/batches/${body.id}/cancel`)
  const ofFile = await as('bob').submitFile('iris', { input_file: body.input_file })
  const listed = await as('bob').get('/v1/batches')

  expect([...answers, canceled].map(({ status }) => status)).toEqual([404, 404, 404, 404, 404])
  expect(ofFile.status).toBe(404)
  expect(listed.body.results).toEqual([])
})

test('a submit with an idempotency key makes one batch, however often it comes', async () => {
  const headers = { 'idempotency-key': 'nightly-1' }
  const first = await anyone.submit('iris', line, { headers })
  await anyone.untilEnded(first.body.id)
  const again = await anyone.submit('iris', line, { headers })
  const other = await anyone.submit('iris', line + line, { headers })
  const otherOptions = await anyone.submit('iris', line, { headers, query: '?output_format=csv' })

  expect(first.status).toBe(202)
  expect(again).toMatchObject({ status: 200, body: { id: first.body.id, status: 'completed' } })
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  expect(again.body.input_file).toBe(first.body.input_file)
  for (const refused of [other, otherOptions])
    expect(refused).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
})

test('two submits with one key at the same moment are one batch', async () => {
  const headers = { 'idempotency-key': 'race' }

  const answers = await Promise.all([1, 2, 3, 4].map(() => anyone.submit('iris', line, { headers })))

  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
  expect(answers.filter(({ headers: got }) => got.get('idempotency-replayed') === null)).toHaveLength(1)
})

test('batches are listed newest first, page after page, and of one model where that is asked for', async () => {
  const ada = as('ada')
  const made = [
    await ada.submit('iris', line),
    await ada.submit('slow', slowLines(1, 1)),
    await ada.submit('iris', line),
  ]
  const ids = made.map(({ body }) => body.id).toReversed()

  const { body: page } = await ada.get('/v1/batches?limit=2')
  const { body: next } = await ada.get(`/v1/batches${new URL(page.next).search}`)
  const { body: ofIris } = await ada.get('/v1/batches?model=iris&limit=2')

  const idsOf = ({ results }: { results: { id: string }[] }) => results.map(({ id }) => id)
  expect(idsOf(page)).toEqual(ids.slice(0, 2))
  expect(idsOf(next)[0]).toBe(ids[2])
  expect(idsOf(ofIris)).toEqual([ids[0], ids[2]])
  await Promise.all(ids.map((id) => ada.untilEnded(id)))
})

test('a batch that is canceled ends at once, and what is done of it can be read', async () => {
  const { body } = await anyone.submit('slow', slowLines(150_000, 50))
  await expect.poll(async () => (await anyone.get(`/v1/batches/${body.id}`)).body.status).toBe('in_progress')

  const canceled = await anyone.call('POST', `/v1/batches/${body.id}/cancel`)
  const again = await anyone.call('POST', `/v1/batches/${body.id}/cancel`)
  const output = await anyone.get(`/v1/batches/${body.id}/output`)

  expect(canceled).toMatchObject({
    status: 200,
    body: { status: 'canceled', completed_at: expect.any(String) },
  })
  expect(again.body).toEqual(canceled.body)
  expect(output.status).toBe(200)
  expect(output.headers.get('x-batch-status')).toBe('canceled')
  const removed = () => createUploader(stack.url).remove(body.input_file)
  await expect.poll(async () => (await removed()).status).toBe(204)
})

test('the output is given back in ranges, and not again to who has it', async () => {
  const { body } = await anyone.submit('iris', line.repeat(3))
  await anyone.untilEnded(body.id)
  const path = `/v1/batches/${body.id}/output`

  const whole = await anyone.get(path)
  const etag = whole.headers.get('etag') ?? ''
  const part = await anyone.get(path, { range: 'bytes=5-24' })
  const unchanged = await anyone.get(path, { 'if-none-match': etag })
  const beyond = await anyone.get(path, { range: 'bytes=100000-' })

  expect(Object.fromEntries(whole.headers)).toMatchObject({
    'content-type': 'application/jsonl',
    'content-length': String(Buffer.byteLength(whole.text)),
    'content-disposition': `attachment; filename="${body.id}.jsonl"; filename*=UTF-8''${body.id}.jsonl`,
    'x-batch-status': 'completed',
  })
  expect(part).toMatchObject({ status: 206, text: whole.text.slice(5, 25) })
  expect(part.headers.get('content-range')).toBe(`bytes 5-24/${whole.text.length}`)
  expect(unchanged.status).toBe(304)
  expect(beyond.status).toBe(416)
})

test('the output can be read while the batch runs, as far as it is', async () => {
  const { body } = await anyone.submit('slow', slowLines(150_000, 20))
  const path = `/v1/batches/${body.id}/output`
  await expect.poll(async () => (await anyone.get(path)).text.length).toBeGreaterThan(0)

  const early = await anyone.get(path)
  expect(early.headers.get('x-batch-status')).toBe('in_progress')
  const part = await anyone.get(path, { range: 'bytes=0-9' })
  expect(part.headers.get('content-range')).toMatch(/^bytes 0-9\/(\*|\d+)$/)
  const ended = await anyone.untilEnded(body.id)

  const whole = await anyone.output(body.id)
  expect(ended.status).toBe('completed')
  expect(whole.startsWith(early.text)).toBe(true)
  expect(parseLines(whole).map(({ row }) => row)).toEqual(Array.from({ length: 150_000 }, (_, row) => row))
})

test.each([
  ['jsonl', '{"row":0,"y":"AACAPwAAIMA="}\n'],
  ['csv', 'row,y,error_code\n0,AACAPwAAIMA=,\n'],
] as const)('lists of numbers are base64 where that is asked for: %s', async (format, expected) => {
  const query = `?encoding_format=base64&output_format=${format}`
  const { body } = await anyone.submit('echo', '{"x":[1,-2.5]}\n', { query })
  await anyone.untilEnded(body.id)

  expect(body.encoding_format).toBe('base64')
  expect(await anyone.output(body.id)).toBe(expected)
})

test('lists of numbers as base64 are refused in Parquet, which has lists', async () => {
  const query = '?encoding_format=base64&output_format=parquet'
  const { status, body } = await anyone.submit('echo', '{"x":[1]}\n', { query })

  expect(status).toBe(422)
  expect(body).toMatchObject({ code: 'invalid_input', errors: [{ pointer: '/encoding_format' }] })
})

test('a batch is followed by events to its end', async () => {
  const { body } = await anyone.submit('slow', slowLines(20_000, 40))

  const { text, headers } = await anyone.get(`/v1/batches/${body.id}/events`)
  const events = text.split('\n\n').filter((event) => event.startsWith('event: batch'))
  const last = JSON.parse(/data: (.*)$/.exec(events.at(-1) ?? '')?.[1] ?? '')
  const lastId = /id: (.*)/.exec(events.at(-1) ?? '')?.[1] ?? ''
  const again = await anyone.get(`/v1/batches/${body.id}/events`, { 'last-event-id': lastId })

  expect(headers.get('content-type')).toBe('text/event-stream')
  expect(events.length).toBeGreaterThan(1)
  expect(last).toMatchObject({
    id: body.id,
    status: 'completed',
    counts: { total: 20_000, completed: 20_000 },
  })
  expect(again.status).toBe(204)
})

test('who waits for an output gets all of it, from before its beginning, and then it ends', async () => {
  const lines = `${slowLines(17_000, 10)}{"n":["x"]}\n`
  const { body } = await anyone.submit('slow', lines, { query: '?output_format=csv' })

  const [output, errors] = await Promise.all(
    ['output', 'errors'].map((kind) => anyone.get(`/v1/batches/${body.id}/${kind}?wait`)),
  )

  expect(output?.headers.get('x-batch-status')).not.toBe('completed')
  expect(output?.headers.get('content-length')).toBeNull()
  expect(output?.headers.get('etag')).toBeNull()
  expect(output?.text.split('\n')).toHaveLength(17_003)
  expect(output?.text).toBe(await anyone.output(body.id))
  expect(parseLines(errors?.text ?? '')).toMatchObject([{ row: 17_000, code: 'invalid_input' }])
  const after = await anyone.get(`/v1/batches/${body.id}/output?wait=true`)
  expect(after.headers.get('content-length')).toBe(String(output?.text.length))
})

describe('beside a batch of many chunks', () => {
  let many: string

  beforeAll(async () => {
    const { body } = await as('ada').submit('slow', slowLines(1_000_000, 2))
    many = body.id
    await vi.waitUntil(async () => (await as('ada').output(many)) !== '', { timeout: 30_000 })
  })
  afterAll(() => as('ada').call('POST', `/v1/batches/${many}/cancel`))
  const statusOfMany = async () => (await as('ada').get(`/v1/batches/${many}`)).body.status

  test('one of another owner waits for no more chunks than are in the queue, to be planned and to be scored', async () => {
    const ofModel = modelKeys(stack.prefix, 'slow')
    const seen: string[] = []
    const monitor = await openMonitor(stack.redisUrl, (line) => {
      const [, key] = /"(?:hset|hsetnx)" "([^"]+)"/i.exec(line) ?? []
      if (key !== undefined) seen.push(key)
    })

    const { body } = await as('bob').submit('slow', slowLines(1, 1))
    await as('bob').untilEnded(body.id, { timeoutMs: 50_000 })
    monitor.destroy()

    const made = seen.indexOf(ofModel.batch(body.id))
    const planned = seen.indexOf(ofModel.batchChunks(body.id))
    const done = seen.indexOf(ofModel.batchDone(body.id))
    const chunksOfAda = (from: number, to: number) =>
      seen.slice(from, to).filter((key) => key === ofModel.batchDone(many)).length
    expect(Math.min(made, planned, done)).toBeGreaterThanOrEqual(0)
    expect(chunksOfAda(made, planned)).toBeLessThanOrEqual(chunksInQueue)
    expect(chunksOfAda(planned, done)).toBeLessThanOrEqual(chunksInQueue)
    expect(await statusOfMany()).toBe('in_progress')
  })

  test('predictions are answered as they are without one', async () => {
    const inputs = Array.from({ length: 20 }, (_, n) => ({ features: [n / 8, 3.5, n / 10, 0.2] }))
    // one after the other: rows that run together may differ in their last digits
    const answers = () => Array.fromAsync(inputs, (input) => stack.client.predict('iris', input))

    const beside = await answers()
    expect(await statusOfMany()).toBe('in_progress')
    await as('ada').call('POST', `/v1/batches/${many}/cancel`)
    const without = await answers()

    expect(beside.map(({ status }) => status)).toEqual(inputs.map(() => 200))
    expect(beside.map(({ body }) => body)).toEqual(without.map(({ body }) => body))
  })
})

describe('waiting for an output to its end', () => {
  let long: string
  /** an API that lets each caller have one stream open, and one batch of a model */
  let narrow: StackProcess
  /** Resolves when something has come of it. */
  const open = async (url: string, path: string) => {
    const leaving = new AbortController()
    const response = await fetch(`${url}${path}`, { signal: leaving.signal })
    const reader = response.body?.getReader()
    const first = response.status === 200 ? await reader?.read() : undefined
    const toEnd = async () => {
      for (let piece = await reader?.read(); !piece?.done; piece = await reader?.read());
    }
    return { status: response.status, headers: response.headers, first, toEnd, leave: () => leaving.abort() }
  }

  beforeAll(async () => {
    narrow = await stack.startApi({
      ONQUEUE_STREAMS_PER_KEY: '1',
      ONQUEUE_OWNER_MAX_BATCHES: '1',
      ONQUEUE_API_GRACE: '120s',
    })
    const { body } = await anyone.submit('slow', slowLines(400_000, 50), {
      headers: { 'idempotency-key': 'long' },
    })
    long = `/v1/batches/${body.id}`
  })

  test('what can not be waited for is refused', async () => {
    const path = `${long}/output?wait`
    const raw = `GET ${path} HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n`
    const { body: parquet } = await anyone.submit('slow', slowLines(1, 1), {
      query: '?output_format=parquet',
      headers: { 'idempotency-key': 'parquet' },
    })

    const ofRange = await anyone.get(path, { range: 'bytes=0-' })
    const ofOldClient = await sendRaw(Number(new URL(stack.url).port), raw)
    const ofSeconds = await anyone.get(`${long}/output?wait=30`)
    const ofParquet = await anyone.get(`/v1/batches/${parquet.id}/output?wait`)

    expect(ofRange).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect(ofRange.body.detail).toContain('wait and Range do not go together')
    expect(ofOldClient).toContain('wait needs HTTP/1.1')
    expect(ofSeconds).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect(ofParquet).toMatchObject({ status: 409, body: { code: 'output_incomplete' } })
  })

  test('an owner who has as many batches as he may is refused, but with what he has sent before', async () => {
    const caller = createBatcher(narrow.url)
    const uploader = createUploader(stack.url)
    const { body: file } = await uploader.upload(slowLines(1, 1), { query: '?filename=x.jsonl' })
    const { results: before } = await uploader.list()

    const refused = await caller.submit('slow', slowLines(1, 1))
    const ofFile = await caller.submitFile('slow', { input_file: file.id })
    const again = await caller.submit('slow', slowLines(400_000, 50), {
      headers: { 'idempotency-key': 'long' },
    })

    for (const { status, headers, body } of [refused, ofFile]) {
      expect({ status, code: body.code }).toEqual({ status: 429, code: 'batches_full' })
      expect(body.detail).toContain('you have 1 batch of this model')
      expect(headers.get('retry-after')).toBe('30')
    }
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect((await uploader.list()).results).toEqual(before)
  })

  test('it counts as a stream until the client goes, also one that says no more', async () => {
    const path = `${long}/output?wait`
    const first = await open(narrow.url, path)
    const tooMany = await open(narrow.url, path)
    first.leave()
    await expect.poll(async () => (await isFree(path)) === 200).toBe(true)
    const socket = connect({ port: Number(new URL(narrow.url).port), host: '127.0.0.1', allowHalfOpen: true })
    const closed = once(socket, 'close')
    await expect.poll(async () => (await isFree(path)) === 200).toBe(true)
    socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`)
    await once(socket, 'data')
    socket
      .resume()
      .on('error', () => undefined)
      .end()
    await closed

    expect(first.status).toBe(200)
    expect(tooMany).toMatchObject({ status: 429 })
    await expect.poll(() => isFree(path)).toBe(200)
  })
  const isFree = async (path: string) => {
    const { status, leave } = await open(narrow.url, path)
    leave()
    return status
  }

  test('a server that stops cuts it, and does not wait for its end', async () => {
    await expect.poll(() => isFree(`${long}/output?wait`)).toBe(200)
    let stream: Awaited<ReturnType<typeof open>> | undefined
    await expect.poll(async () => (stream = await open(narrow.url, `${long}/output?wait`)).status).toBe(200)
    const ended = stream?.toEnd()
    await Promise.all([narrow.stop(), expect(ended).rejects.toThrow('terminated')])
  })

  test('it is cut where the batch does not complete, or is lost', async () => {
    const canceled = await open(stack.url, `${long}/output?wait`)
    await Promise.all([
      anyone.call('POST', `${long}/cancel`),
      expect(canceled.toEnd()).rejects.toThrow('terminated'),
    ])
    const { body } = await anyone.submit('slow', slowLines(150_000, 50))
    const lost = await open(stack.url, `/v1/batches/${body.id}/output?wait`)
    await Promise.all([
      stack.redis.del(modelKeys(stack.prefix, 'slow').batch(body.id)),
      expect(lost.toEnd()).rejects.toThrow('terminated'),
    ])

    const { headers, status } = await anyone.get(`${long}/output?wait`)
    expect({ status, said: headers.get('x-batch-status') }).toEqual({ status: 200, said: 'canceled' })
  })
})

test.each(['csv', 'jsonl'] as const)(
  'a template of a model is a file that it can score: %s',
  async (format) => {
    const { text, headers } = await anyone.get(`/v1/models/iris/batches/template?format=${format}`)
    const { status, body } = await anyone.submit('iris', text, { format })

    expect(headers.get('content-disposition')).toBe(`attachment; filename="template.${format}"`)
    expect(status).toBe(202)
    expect(await anyone.untilEnded(body.id)).toMatchObject({ counts: { completed: 1, failed: 0 } })
  },
)

test('a model of which no second copy fits takes no batches, and says so', async () => {
  const body = '{"x":[1]}\n'
  const { body: file } = await createUploader(stack.url).upload(body, { query: '?filename=x.jsonl' })

  const refused = await Promise.all([
    anyone.submit('once', body),
    anyone.submitFile('once', { input_file: file.id }),
    anyone.get('/v1/models/once/batches/template?format=jsonl'),
  ])
  const { body: card } = await anyone.get('/v1/models/once')
  const { body: answer } = await anyone.call('POST', '/v1/models/once/predict', body, {
    'content-type': 'application/json',
  })

  for (const { status, body: problem } of refused) {
    expect({ status, code: problem.code }).toEqual({ status: 422, code: 'batches_off' })
    expect(problem.detail).toBe(
      'model "once" takes no batches: its model.yaml has batch: { executor: off }, as a second copy of it would not fit; ' +
        'send the rows as predictions, up to 1,000 a request, to /v1/models/once/predictions/bulk',
    )
  }
  expect(card.takes_batches).toBe(false)
  expect((await anyone.get('/v1/models/iris')).body.takes_batches).toBe(true)
  expect(answer).toEqual({ y: [1] })
})

test('a batch that an API let in which does not know of that ends with a sentence, and loads nothing', async () => {
  const { body: made } = await anyone.submit('iris', line)
  await anyone.untilEnded(made.id)
  const { body: card } = await anyone.get('/v1/models/once')
  const store = createBatchStore({ redis: stack.redis, namespace: stack.prefix, clock: Date.now })
  const record = await store.read(made.id)
  const id = made.id.replace('batch-iris-', 'batch-once-')
  await store.create(id, {
    ...requireRecord(record).about,
    model: 'once',
    digest: card.versions[0].digest,
    createdAt: Date.now(),
  })

  const ended = await anyone.untilEnded(id)

  expect(ended).toMatchObject({
    status: 'failed',
    error: { code: 'version_gone', detail: expect.stringContaining('batch: { executor: off }') },
  })
})

const requireRecord = (record: BatchRecord | null) => {
  if (!record) throw new Error('there is no such batch')
  return record
}
