import { createHash } from 'node:crypto'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startStack } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'
import { createUploader, sha256 } from './uploader.ts'
import type { Uploader } from './uploader.ts'

let stack: Stack
let guarded: StackProcess
let anyone: Uploader
const owners = ['ada', 'bob', 'carl', 'dora', 'eve']
const as = (owner: string) => createUploader(guarded.url, { key: `key-of-${owner}` })

beforeAll(async () => {
  stack = await startStack({ models: [], workers: 0 })
  anyone = createUploader(stack.url)
  guarded = await stack.startApi({
    ONQUEUE_API_KEYS: owners
      .map((name) => `${name}:${createHash('sha256').update(`key-of-${name}`).digest('hex')}`)
      .join(','),
    ONQUEUE_FILE_MAX_BYTES: '200000',
    ONQUEUE_OWNER_MAX_BYTES: '300000',
    ONQUEUE_OWNER_MAX_FILES: '3',
  })
})
afterAll(() => stack.close())

test('an uploaded file is described, and given back as it was sent', async () => {
  const rows = 'a,b\n1,2\n'

  const { body: file, ...sent } = await anyone.upload(rows, {
    headers: { 'content-type': 'text/csv' },
    query: '?filename=rows.csv',
  })
  const shown = await stack.client.get(`/v1/files/${file.id}`)
  const content = await fetch(file.urls.content)

  expect(sent.status).toBe(201)
  expect(sent.headers.get('location')).toBe(`/v1/files/${file.id}`)
  expect(file).toEqual({
    object: 'file',
    id: expect.stringMatching(/^file-[0-9A-HJKMNP-TV-Z]{26}$/),
    filename: 'rows.csv',
    content_type: 'text/csv',
    bytes: 8,
    sha256: sha256(rows),
    created_at: expect.any(String),
    expires_at: expect.any(String),
    urls: { get: `${stack.url}/v1/files/${file.id}`, content: `${stack.url}/v1/files/${file.id}/content` },
  })
  expect(Date.parse(file.expires_at) - Date.parse(file.created_at)).toBeGreaterThanOrEqual(168 * 3_600_000)
  expect(shown.body).toEqual(file)
  expect(await content.text()).toBe(rows)
  expect(Object.fromEntries(content.headers)).toMatchObject({
    'content-type': 'text/csv',
    'content-length': '8',
    etag: `"${sha256(rows)}"`,
    'accept-ranges': 'bytes',
  })
})

test('a file that came as the part of a form is its bytes and its name', async () => {
  const form = new FormData()
  form.set('purpose', 'batch')
  form.set('file', new File(['a,b\n1,2\n'], '../Zeilen für Zoë.csv', { type: 'text/csv' }))

  const { status, body } = await anyone.upload(form)

  expect(status).toBe(201)
  expect(body).toMatchObject({
    filename: 'Zeilen für Zoë.csv',
    content_type: 'text/csv',
    bytes: 8,
    sha256: sha256('a,b\n1,2\n'),
  })
})

test.each([
  ['gzip', Buffer.concat([gzipSync('one '), gzipSync('two')])],
  ['zstd', Buffer.concat([zstdCompressSync('one '), zstdCompressSync('two')])],
])('a body in several frames of %s is kept decoded, all of it', async (encoding, body) => {
  const { status, body: file } = await anyone.upload(body, { headers: { 'content-encoding': encoding } })

  expect(status).toBe(201)
  expect(file).toMatchObject({ bytes: 7, sha256: sha256('one two') })
  expect(await (await fetch(file.urls.content)).text()).toBe('one two')
})

test('an empty file is a file', async () => {
  const { body: file } = await anyone.upload('')
  const content = await fetch(file.urls.content)

  expect(file).toMatchObject({ bytes: 0, filename: null, sha256: sha256('') })
  expect([content.status, await content.text()]).toEqual([200, ''])
})

test.each([
  [
    'a gzip body that is cut off',
    { encoding: 'gzip', body: gzipSync('some rows').subarray(0, -3) },
    400,
    'invalid_request',
  ],
  [
    'zstd with garbage behind it',
    { encoding: 'zstd', body: Buffer.concat([zstdCompressSync('x'), Buffer.from('garbage')]) },
    400,
    'invalid_request',
  ],
  [
    'an encoding that is not known',
    { encoding: 'br', body: Buffer.from('x') },
    415,
    'unsupported_media_type',
  ],
  ['a bomb of gzip', { encoding: 'gzip', body: gzipSync(Buffer.alloc(50_000_000)) }, 413, 'body_too_large'],
  [
    'a bomb of zstd',
    { encoding: 'zstd', body: zstdCompressSync(Buffer.alloc(50_000_000)) },
    413,
    'body_too_large',
  ],
  ['a file that is too long', { encoding: 'identity', body: Buffer.alloc(200_001) }, 413, 'body_too_large'],
])('%s is refused, and leaves nothing', async (_what, { encoding, body }, status, code) => {
  const eve = as('eve')

  const answer = await eve.upload(body, { headers: { 'content-encoding': encoding } })

  expect(answer).toMatchObject({ status, body: { code } })
  expect((await eve.list()).results).toEqual([])
  expect(await stack.redis.hgetall(`${stack.prefix}:{+files}:usage:eve`)).toEqual({ bytes: '0', files: '0' })
})

test('an owner has no more bytes and files than it may, and has room again for what it deletes', async () => {
  const ada = as('ada')
  const first = await ada.upload(Buffer.alloc(200_000))
  const overBytes = await ada.upload(Buffer.alloc(100_001))
  const chunkedOver = await ada.upload(new Blob([Buffer.alloc(100_001)]).stream())
  // to the last byte, also where nobody knows before that it fits
  const second = await ada.upload(new Blob([Buffer.alloc(100_000)]).stream())
  const third = await ada.upload('')
  const fourth = await ada.upload('')

  expect([first, overBytes, chunkedOver, second, third, fourth].map(({ status }) => status)).toEqual([
    201, 429, 429, 201, 201, 429,
  ])
  expect(overBytes.headers.get('retry-after')).toBe('60')
  expect(overBytes.body).toMatchObject({
    code: 'files_full',
    detail: expect.stringContaining('your files may have 300000 bytes together'),
  })
  expect(fourth.body).toMatchObject({
    code: 'files_full',
    detail: expect.stringContaining('you may have 3 files'),
  })
  await ada.remove(third.body.id)
  expect(await ada.upload('')).toMatchObject({ status: 201 })
})

test("another owner's file is as unknown as one that never was", async () => {
  const { body: file } = await as('bob').upload('rows of bob')
  const ask = async (id: string, owner: string) => {
    const answers = [
      await as(owner).get(`/v1/files/${id}`),
      await as(owner).get(`/v1/files/${id}/content`),
      await as(owner).remove(id),
    ]
    return answers.map(({ status, body }) => ({ status, body: { ...body, request_id: undefined } }))
  }

  const foreign = await ask(file.id, 'carl')

  expect(foreign).toEqual(await ask('file-01HF7YAT000000000000000000', 'carl'))
  expect(foreign).toEqual(await ask('..%2F..%2Fstorage-id', 'carl'))
  expect(foreign[0]).toMatchObject({ status: 404, body: { code: 'file_not_found' } })
  expect((await as('bob').get(`/v1/files/${file.id}/content`)).text).toBe('rows of bob')
  expect((await as('carl').list()).results).toEqual([])
  expect((await fetch(`${guarded.url}/v1/files/${file.id}`)).status).toBe(401)
})

test('a deleted file is gone', async () => {
  const { body: file } = await anyone.upload('rows')

  const deleted = await anyone.remove(file.id)

  expect(deleted.status).toBe(204)
  expect((await anyone.get(`/v1/files/${file.id}`)).status).toBe(404)
  expect((await anyone.get(`/v1/files/${file.id}/content`)).status).toBe(404)
  expect((await anyone.remove(file.id)).status).toBe(404)
})

test('files are listed newest first, a page at a time, there and back', async () => {
  const dora = as('dora')
  const sent = []
  for (const text of ['1', '2', '3']) sent.push((await dora.upload(text)).body.id)
  const [oldest, middle, newest] = sent

  const first = await dora.list('?limit=2')
  const second = await dora.list(new URL(first.next).search)
  const back = await dora.list(new URL(second.previous).search)

  const idsOf = ({ results }: { results: { id: string }[] }) => results.map(({ id }) => id)
  expect([idsOf(first), idsOf(second), idsOf(back)]).toEqual([[newest, middle], [oldest], [newest, middle]])
  expect([first.previous, second.next]).toEqual([null, null])
})

const digits = '0123456789'

test.each([
  [{ range: 'bytes=0-3' }, 206, '0123', 'bytes 0-3/10'],
  [{ range: 'bytes=8-99' }, 206, '89', 'bytes 8-9/10'],
  [{ range: 'bytes=-1' }, 206, '9', 'bytes 9-9/10'],
  [{ range: 'bytes=0-1,4-5' }, 200, digits, null],
  [{ range: 'rows=0-1' }, 200, digits, null],
  [{ range: 'bytes=0-3', 'if-range': `"${sha256(digits)}"` }, 206, '0123', 'bytes 0-3/10'],
  [{ range: 'bytes=0-3', 'if-range': '"other"' }, 200, digits, null],
  [{ range: 'bytes=0-3', 'if-range': `W/"${sha256(digits)}"` }, 200, digits, null],
  [{ range: 'bytes=0-3', 'if-range': 'Wed, 21 Oct 2026 07:28:00 GMT' }, 200, digits, null],
  [{ 'if-none-match': `"other", W/"${sha256(digits)}"` }, 304, '', null],
  [{ range: 'bytes=10-' }, 416, null, 'bytes */10'],
] as const)('%j of ten digits is %i', async (headers, status, text, contentRange) => {
  const { body: file } = await anyone.upload(digits)

  const content = await fetch(file.urls.content, { headers })
  const head = await fetch(file.urls.content, { headers, method: 'HEAD' })

  expect(content.status).toBe(status)
  expect(content.headers.get('content-range')).toBe(contentRange)
  const body = await content.text()
  if (text !== null) {
    expect(body).toBe(text)
    expect(content.headers.get('content-length')).toBe(status === 304 ? null : String(text.length))
  }
  // a range is of GET alone
  expect(head.status).toBe(status === 304 ? 304 : 200)
  expect(await head.text()).toBe('')
  expect(head.headers.get('content-range')).toBe(null)
  if (status !== 304) expect(head.headers.get('content-length')).toBe(String(digits.length))
})

test.each([
  ['text/html', 'page.html', '<script>alert(1)</script>'],
  ['image/svg+xml', 'x.svg', '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'],
])('what is uploaded as %s never runs here', async (type, name, text) => {
  const { body: file } = await anyone.upload(text, {
    headers: { 'content-type': type },
    query: `?filename=${encodeURIComponent(name)}`,
  })

  const { headers } = await fetch(file.urls.content)

  expect(headers.get('content-disposition')).toBe(`attachment; filename="${name}"; filename*=UTF-8''${name}`)
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('content-security-policy')).toBe('sandbox')
})

test.each([
  ['../../../etc/passwd', 'passwd'],
  ['rows\r\nSet-Cookie: a=b', 'rowsSet-Cookie: a=b'],
  ['Zeilen für Zoë 行.csv', 'Zeilen für Zoë 行.csv'],
])(
  'a file that is called %j is kept, and given back, under a name that is none of a path',
  async (given, filename) => {
    const { status, body: file } = await anyone.upload('x', {
      query: `?filename=${encodeURIComponent(given)}`,
    })
    const { headers, status: read } = await fetch(file.urls.content)

    expect([status, read]).toEqual([201, 200])
    expect(file.filename).toBe(filename)
    expect(headers.get('set-cookie')).toBeNull()
    expect(
      decodeURIComponent(/filename\*=UTF-8''(.*)$/.exec(headers.get('content-disposition') ?? '')?.[1] ?? ''),
    ).toBe(filename)
  },
)

test.each([
  ['/v1/files?limit=0', 400],
  ['/v1/files?cursor=x', 400],
  ['/v1/files?colour=red', 400],
])('GET %s is %i', async (path, status) => {
  expect((await anyone.get(path)).status).toBe(status)
})
