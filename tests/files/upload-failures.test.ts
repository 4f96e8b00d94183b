import { once } from 'node:events'
import { mkdir, readdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startStack } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'
import { createUploader } from './uploader.ts'

let stack: Stack
let storage: string
/** For all tests that need none of their own. */
let api: StackProcess

const maxFileBytes = 400_000

beforeAll(async () => {
  stack = await startStack({ models: [], workers: 0, environment: { ONQUEUE_BODY_TIMEOUT: '2s' } })
  storage = await stack.modelsFolder([])
  api = await startApi({ ONQUEUE_FILE_MAX_BYTES: String(maxFileBytes) })
})
afterAll(() => stack.close())

/** One that has the storage of the others, unless it is given its own. */
const startApi = (environment: Record<string, string> = {}) =>
  stack.startApi({ ONQUEUE_STORAGE: storage, ...environment })
const usage = () => stack.redis.hgetall(`${stack.prefix}:{+files}:usage:anonymous`)
const uploads = () => stack.redis.zcard(`${stack.prefix}:{+files}:uploads`)
const inStorage = async () =>
  (await readdir(storage, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== 'storage-id')
    .map(({ name }) => name)

/** An upload whose body is sent by hand. */
const beginUpload = (url: string, headers: Record<string, string | number> = {}): ClientRequest => {
  const upload = request(`${url}/v1/files`, { method: 'POST', headers })
  upload.on('error', () => undefined)
  upload.flushHeaders()
  return upload
}
const answerOf = async (upload: ClientRequest) => {
  const [response]: IncomingMessage[] = await once(upload, 'response')
  if (!response) throw new Error('unreachable: it comes with the event')
  const text = await readText(response)
  return { status: response.statusCode, headers: response.headers, body: JSON.parse(text) }
}
/** Resolves when so many bytes of an upload are on the disk. */
const untilWritten = async (bytes: number) => {
  const unfinished = join(storage, 'incoming')
  await expect
    .poll(async () => {
      const [name] = await readdir(unfinished).catch(() => [])
      return name === undefined ? 0 : (await readFile(join(unfinished, name))).byteLength
    })
    .toBe(bytes)
}
const untilNothingIsLeft = async () => {
  await expect.poll(() => usage()).toEqual({ bytes: '0', files: '0' })
  await expect.poll(() => inStorage()).toEqual([])
  expect(await uploads()).toBe(0)
}

test('nothing is left of an upload whose caller goes away in the middle', async () => {
  const upload = beginUpload(api.url, { 'content-length': maxFileBytes })
  upload.write(Buffer.alloc(300_000))
  await untilWritten(300_000)
  const during = await usage()

  upload.destroy()

  expect(during).toEqual({ bytes: String(maxFileBytes), files: '1' })
  await untilNothingIsLeft()
})

test('nothing is left of an upload whose process is killed in the middle, once its lease is over', async () => {
  const victim = await startApi()
  const upload = beginUpload(victim.url)
  upload.write(Buffer.alloc(300_000))
  await untilWritten(300_000)

  await victim.stop('SIGKILL')

  expect(await uploads()).toBe(1)
  await untilNothingIsLeft()
})

test('an upload whose process was frozen beyond its lease makes no file, and leaves nothing', async () => {
  const sleeper = await startApi()
  const upload = beginUpload(sleeper.url, { 'content-length': 400_000 })
  const answer = answerOf(upload)
  upload.write(Buffer.alloc(300_000))
  await untilWritten(300_000)

  sleeper.signal('SIGSTOP')
  await untilNothingIsLeft()
  sleeper.signal('SIGCONT')
  upload.end(Buffer.alloc(100_000))

  // whichever it notices first: that nothing came for so long, or that its lease is over
  expect((await answer).body.code).toMatch(/^(request_timeout|server_busy)$/)
  await untilNothingIsLeft()
  await sleeper.stop()
})

test('a body that stands still is given up, and one that goes on may take longer than any other', async () => {
  const slow = beginUpload(api.url)
  const slowAnswer = answerOf(slow)
  const still = beginUpload(api.url)
  still.write('x')
  // the limit of what stands still is the clock of this test: three times that the other one goes on
  const pieces = setInterval(() => slow.write('x'), 200)
  const refused = await answerOf(still)
  for (let again = 0; again < 2; again += 1) {
    const next = beginUpload(api.url)
    next.write('x')
    expect(await answerOf(next)).toMatchObject({ status: 408 })
  }
  clearInterval(pieces)
  slow.end()

  expect(refused).toMatchObject({ status: 408, body: { code: 'request_timeout' } })
  expect(refused.headers.connection).toBe('close')
  const { status, body } = await slowAnswer
  expect(status).toBe(201)
  expect(body.bytes).toBeGreaterThan(20)
  await createUploader(api.url).remove(body.id)
  await untilNothingIsLeft()
})

test('a client that asks first is told to send its body, or is refused before it has', async () => {
  const fits = beginUpload(api.url, { expect: '100-continue', 'content-length': 4 })
  const fitsAnswer = answerOf(fits)
  await once(fits, 'continue')
  fits.end('rows')
  const { status, body } = await fitsAnswer
  await createUploader(api.url).remove(body.id)

  const tooLong = beginUpload(api.url, { expect: '100-continue', 'content-length': maxFileBytes + 1 })
  let isTold = false
  tooLong.once('continue', () => (isTold = true))
  const refused = await answerOf(tooLong)

  expect(status).toBe(201)
  expect(refused).toMatchObject({ status: 413, body: { code: 'body_too_large' } })
  expect(refused.headers.connection).toBe('close')
  expect(isTold).toBe(false)
})

test('a client that is refused while it sends reads why', async () => {
  const { hostname, port } = new URL(api.url)
  const socket = connect(Number(port), hostname)
  const received: Buffer[] = []
  socket.on('data', (data) => received.push(data))
  const closed = once(socket, 'close')
  socket.write('POST /v1/files HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
  const piece = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(0x1_0000), Buffer.from('\r\n')])
  // a client that sends on whatever comes, as most do
  for (let pieces = 0; pieces < 12; pieces += 1) socket.write(piece)

  await closed

  const text = Buffer.concat(received).toString()
  expect(text).toMatch(/^HTTP\/1\.1 413 /)
  expect(text.toLowerCase()).toContain('connection: close')
  expect(text).toContain('ONQUEUE_FILE_MAX_BYTES')
  await untilNothingIsLeft()
})

test('a disk with too little room takes nothing, whether or not the length is told', async () => {
  const own = await startApi({ ONQUEUE_STORAGE_MIN_FREE_BYTES: String(2 ** 52) })
  const uploader = createUploader(own.url)

  const told = await uploader.upload('rows')
  const untold = await uploader.upload(new Blob(['rows']).stream())

  for (const answer of [told, untold]) {
    expect(answer).toMatchObject({ status: 503, body: { code: 'storage_full' } })
    expect(answer.headers.get('retry-after')).toBe('60')
  }
  expect(await inStorage()).toEqual([])
  await own.stop()
})

test('without a folder that it may write to the API serves all but files, and these when there is one', async () => {
  const folder = join(await stack.modelsFolder([]), 'storage')
  await writeFile(folder, '')
  const own = await startApi({ ONQUEUE_STORAGE: folder })
  const uploader = createUploader(own.url)

  const refused = await uploader.upload('rows')
  const listed = await uploader.list()
  await unlink(folder)
  await mkdir(folder)
  const taken = await uploader.upload('rows')

  expect(refused).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } })
  expect(own.log()).toContain('ONQUEUE_STORAGE')
  expect(listed.results).toEqual([])
  expect(taken.status).toBe(201)
  await uploader.remove(taken.body.id)
  await own.stop()
})

test('a file that has expired goes with its bytes', async () => {
  const own = await startApi({ ONQUEUE_FILE_TTL: '1s' })
  const { body: file } = await createUploader(own.url).upload('rows')

  await expect.poll(async () => (await createUploader(own.url).get(`/v1/files/${file.id}`)).status).toBe(404)

  await untilNothingIsLeft()
  await own.stop()
})

test('processes that have different storages say so', async () => {
  const reasons = async (url: string) => await (await fetch(`${url}/readyz`)).text()

  await expect.poll(() => reasons(api.url)).toContain('other processes have another storage than this one')
  await expect.poll(() => reasons(stack.url)).toContain('ONQUEUE_STORAGE')
})

test('a key has no more files on their way than it may, and other requests go on', async () => {
  const own = await startApi({ ONQUEUE_TRANSFERS_PER_KEY: '1', ONQUEUE_FILE_TTL: '1h' })
  const uploader = createUploader(own.url)
  const { body: file } = await uploader.upload('rows')
  const upload = beginUpload(own.url)
  upload.write('x')
  await untilWritten(1)

  const sent = await uploader.upload('rows')
  const read = await uploader.get(`/v1/files/${file.id}/content`)
  const described = await uploader.get(`/v1/files/${file.id}`)
  const answer = answerOf(upload)
  upload.end()
  const { body: second } = await answer
  const readAfter = await uploader.get(`/v1/files/${file.id}/content`)

  for (const refused of [sent, read])
    expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_open' } })
  expect([described.status, readAfter.status, readAfter.text]).toEqual([200, 200, 'rows'])
  await Promise.all([file.id, second.id].map((id) => uploader.remove(id)))
  await untilNothingIsLeft()
  await own.stop()
})
