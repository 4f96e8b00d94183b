import { pino } from 'pino'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import type { ReadingTask } from './read-long.ts'
import { createReadingThreads } from './reading-threads.ts'

const log = pino({ level: 'silent' })
const entry = new URL('fixtures/odd-thread.ts', import.meta.url)

/** A busy machine has its time, unless a test is about patience. */
const create = (options: Partial<Parameters<typeof createReadingThreads>[0]> = {}) =>
  createReadingThreads({ log, patienceMs: 120_000, ...options })

const open = (options: Parameters<typeof create>[0]) => {
  const threads = create(options)
  onTestFinished(() => threads.close())
  return threads
}

// a thread takes longer to start than to read, and stays as it is
const shared = create({ maxThreads: 1 })
afterAll(() => shared.close())

const numbers = {
  type: 'object',
  required: ['x'],
  properties: { x: { type: 'array', items: { type: 'number' } } },
}

const taskOf = (text: string, fields: Partial<ReadingTask> = {}): ReadingTask => ({
  bytes: new Uint8Array(Buffer.from(text)),
  members: 0,
  form: 'request',
  model: 'iris',
  version: undefined,
  versions: [{ version: '1', digest: 'd1', schema: numbers }],
  defaultVersion: '1',
  isKeyed: false,
  maxTextBytes: 10_000_000,
  ...fields,
})

const long = JSON.stringify({ input: { x: Array.from({ length: 450_000 }, (_, index) => index / 8) } })

test('a tensor of 450,000 numbers is read, checked and written in a thread, and its bytes are moved there', async () => {
  const task = taskOf(long)

  const { request, input } = await shared.read(task)

  expect(task.bytes.byteLength).toBe(0)
  expect(request).toEqual({ priority: 'normal', metadata: {} })
  expect(input).toMatchObject({ arrayLength: null, checked: { digest: 'd1', places: [] }, fingerprint: null })
  expect(`{"input":${Buffer.from(input.text).toString()}}`).toBe(long)
})

test('of an input with problems twenty are told, at their places', async () => {
  const text = JSON.stringify({ input: [{ x: Array(100_000).fill(true) }] })

  const { input } = await shared.read(taskOf(text))

  expect(input.checked?.places).toHaveLength(20)
  expect(input.checked?.places[0]?.pointer).toBe('/input/0/x/0')
  expect(input.text).toHaveLength(0)
})

test('what is wrong with a body comes back as its error', async () => {
  const { read } = shared

  await expect(read(taskOf('{"input":'))).rejects.toMatchObject({ code: 'malformed_json' })
  await expect(read(taskOf('{"input":1,"input":2}', { members: 2 }))).rejects.toMatchObject({
    code: 'invalid_input',
    places: [{ pointer: '/input' }],
  })
  await expect(read(taskOf('{"inputs":1}'))).rejects.toMatchObject({ places: [{ pointer: '/input' }] })
})

test('an input that is longer once its numbers are written out is refused', async () => {
  const task = taskOf('{"input":{"x":[1e20,1e20,1e20]}}', { maxTextBytes: 60 })

  await expect(shared.read(task)).rejects.toMatchObject({ code: 'body_too_large' })
})

test.each(['exits', 'throws', 'hangs'])(
  'a thread that %s takes its body with it, whose caller is told, and another reads the next',
  { timeout: 150_000 },
  async (model) => {
    const { read } = open({ entry, maxThreads: 1, ...(model === 'hangs' ? { patienceMs: 8000 } : {}) })
    const readNext = () =>
      read(taskOf('{"input":{"x":[1]}}')).then(
        () => 'read',
        // not started in time on a busy machine
        (err: { code: string }) => err.code,
      )

    const lost = read(taskOf('{"input":1}', { model }))
    const next = expect.poll(readNext, { timeout: 140_000 }).toBe('read')

    await expect(lost).rejects.toMatchObject({ code: 'server_busy', retryAfterSeconds: 5 })
    await next
  },
)

test('a body that takes more memory than a thread has is too large, and another thread reads the next', async () => {
  const { read } = open({ entry, maxHeapMb: 64, maxThreads: 1 })

  const [lost, next] = await Promise.allSettled([
    read(taskOf('{"input":1}', { model: 'hoards' })),
    read(taskOf('{"input":{"x":[1]}}')),
  ])

  expect(lost).toMatchObject({ reason: { code: 'body_too_large' } })
  expect(next).toMatchObject({ status: 'fulfilled' })
})

test.each([
  ['numbers', `[${'0,'.repeat(4_900_000)}0]`, 0],
  ['arrays', `[${'[0],'.repeat(499_990)}${'0,'.repeat(3_900_000)}0]`, 0],
  [
    'names',
    `[{${Array.from({ length: 99_000 }, (_, at) => `"${at}x${'y'.repeat(70)}":0`).join(',')}}]`,
    99_000,
  ],
  ['long characters', `["${'𝄞'.repeat(2_400_000)}"]`, 0],
])('as many %s as the scan lets pass fit into a thread', { timeout: 150_000 }, async (_name, x, members) => {
  const text = `{"input":{"x":${x}}}`

  const { input } = await shared.read(
    taskOf(text, {
      members: members + 2,
      versions: [{ version: '1', digest: 'd2', schema: { type: 'object' } }],
    }),
  )

  expect(input.text.length).toBe(Buffer.byteLength(x) + '{"x":}'.length)
})

test('bodies beyond the number of threads stand in line', async () => {
  const { read } = open({ maxThreads: 2 })

  const all = await Promise.all(Array.from({ length: 10 }, () => read(taskOf('{"input":{"x":[1]}}'))))

  expect(all.map(({ input }) => Buffer.from(input.text).toString())).toEqual(Array(10).fill('{"x":[1]}'))
})
