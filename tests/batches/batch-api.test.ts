import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createUploader } from '../files/uploader.ts'
import { shippedModel, startStack, testModel } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'
import { createBatcher, parseLines } from './batcher.ts'
import type { Batcher } from './batcher.ts'

/** What is true of a batch as a resource: whose it is, how it is asked for, followed, and given back. */
let stack: Stack
let anyone: Batcher
let guarded: StackProcess
const as = (owner: string) => createBatcher(guarded.url, { key: `key-of-${owner}` })

beforeAll(async () => {
  stack = await startStack({ models: [shippedModel('iris'), testModel('slow')] })
  anyone = createBatcher(stack.url)
  guarded = await stack.startApi({
    ONQUEUE_API_KEYS: ['ada', 'bob']
      .map((name) => `${name}:${createHash('sha256').update(`key-of-${name}`).digest('hex')}`)
      .join(','),
  })
})
afterAll(() => stack.close())

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
