import { createHash, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { createGzip, createZstdCompress } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startStack } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'
import { createUploader } from './uploader.ts'
import type { Uploader } from './uploader.ts'

// 200 MB up and down, in every way that a file may come

const pieces = 200
const piece = randomBytes(1024 * 1024)
const bytes = pieces * piece.byteLength
const digest = createHash('sha256')
for (let count = 0; count < pieces; count += 1) digest.update(piece)
const expected = { bytes, sha256: digest.digest('hex') }

let stack: Stack
let uploader: Uploader

beforeAll(async () => {
  stack = await startStack({ models: [], workers: 0 })
  uploader = createUploader(stack.url)
  await uploader.upload('the first one')
})
afterAll(() => stack.close())

/** What the API has had in memory at the most since it was last forgotten, in MB. */
const peakMb = async () => {
  const status = await readFile(`/proc/${stack.api.pid}/status`, 'utf8')
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1024
}
const forgetPeak = () => writeFile(`/proc/${stack.api.pid}/clear_refs`, '5')
const growthOf = async (act: () => Promise<unknown>) => {
  await forgetPeak()
  const before = await peakMb()
  await act()
  return (await peakMb()) - before
}

const body = () =>
  Readable.from(
    (function* () {
      for (let count = 0; count < pieces; count += 1) yield piece
    })(),
    { objectMode: false },
  )
const form = async function* () {
  yield Buffer.from('--line\r\nContent-Disposition: form-data; name="file"; filename="rows"\r\n\r\n')
  yield* body()
  yield Buffer.from('\r\n--line--\r\n')
}

test.each([
  ['as it is', {}, () => body()],
  ['in a form', { 'content-type': 'multipart/form-data; boundary=line' }, () => Readable.from(form())],
  ['in gzip', { 'content-encoding': 'gzip' }, () => body().pipe(createGzip({ level: 1 }))],
  ['in zstd', { 'content-encoding': 'zstd' }, () => body().pipe(createZstdCompress())],
] as const)(
  'a file of 200 MB takes no memory to speak of when it comes %s, nor when it is read',
  async (_how, headers, open) => {
    let url = ''
    const up = await growthOf(async () => {
      const { status, body: file } = await uploader.upload(ReadableStream.from<Uint8Array>(open()), {
        headers,
      })
      expect([status, file.bytes, file.sha256]).toEqual([201, expected.bytes, expected.sha256])
      url = file.urls.content
    })
    let read = 0
    const down = await growthOf(async () => {
      const content = await fetch(url)
      for await (const chunk of content.body ?? []) read += chunk.byteLength
    })

    expect(read).toBe(bytes)
    expect(up).toBeLessThan(80)
    expect(down).toBeLessThan(80)
  },
)
