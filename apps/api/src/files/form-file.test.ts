import { AppError } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { isForm, openFormFile } from './form-file.ts'

const type = 'multipart/form-data; boundary=line'
const part = (disposition: string, content: string, ...headers: string[]) =>
  ['--line', `Content-Disposition: form-data; ${disposition}`, ...headers, '', content, ''].join('\r\n')
const end = '--line--\r\n'

const source = async function* (text: string, pieceBytes: number) {
  const bytes = Buffer.from(text)
  for (let start = 0; start < bytes.byteLength; start += pieceBytes)
    yield bytes.subarray(start, start + pieceBytes)
}
const read = async (text: string, pieceBytes = 64 * 1024) => {
  const { content, ...file } = await openFormFile(source(text, pieceBytes), type)
  return { ...file, text: Buffer.concat(await Array.fromAsync(content)).toString() }
}

test.each([1, 3, 1000])(
  'the part "file" is the file, whatever else is in the form, in pieces of %i bytes',
  async (pieceBytes) => {
    const form =
      part('name="purpose"', 'batch') +
      part('name="file"; filename="rows.csv"', 'a,b\r\n1,2\r\n', 'Content-Type: text/csv') +
      part('name="note"', 'bye') +
      end

    expect(await read(form, pieceBytes)).toEqual({
      filename: 'rows.csv',
      contentType: 'text/csv',
      text: 'a,b\r\n1,2\r\n',
    })
  },
)

test.each([
  ['"Zeilen für Zoë.csv"', 'Zeilen für Zoë.csv'],
  ['"../../etc/passwd"', 'passwd'],
  [String.raw`"C:\\data\\rows.csv"`, 'rows.csv'],
])('a file that is called %s is called %s', async (given, filename) => {
  expect(await read(part(`name="file"; filename=${given}`, 'x') + end)).toMatchObject({ filename })
})

test('an empty file is one', async () => {
  expect(await read(part('name="file"; filename="rows.csv"', '') + end)).toMatchObject({ text: '' })
})

test.each([
  ['no file', part('name="purpose"', 'batch') + end, 'has no file'],
  ['nothing', end, 'has no file'],
  ['another file', part('name="data"; filename="rows.csv"', 'x') + end, 'a part of another name'],
  [
    'an encoded file',
    part('name="file"; filename="a"', 'eA==', 'Content-Transfer-Encoding: base64') + end,
    'transfer encoding',
  ],
  ['no form at all', 'a,b\r\n1,2\r\n', 'is cut off, or no form'],
])('a form with %s is refused', async (_what, text, why) => {
  await expect(read(text)).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining(why),
  })
})

test.each([
  ['in the middle of its file', part('name="file"; filename="a"', 'half').slice(0, -2)],
  ['before its last line', part('name="file"; filename="a"', 'all')],
  ['in the middle of its last line', part('name="file"; filename="a"', 'all') + '--line'],
  ['in the headers of another part', `${part('name="file"; filename="a"', 'all')}--line\r\nContent-Disp`],
])('a form that is cut off %s is refused', async (_where, text) => {
  for (const pieceBytes of [1, 1000])
    await expect(read(text, pieceBytes)).rejects.toMatchObject({ code: 'invalid_request' })
})

test('a second file is refused', async () => {
  const file = part('name="file"; filename="a"', 'x')

  await expect(read(file + file + end)).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining('more than one file'),
  })
})

test('a form without a boundary is refused', async () => {
  await expect(openFormFile(source('', 1), 'multipart/form-data')).rejects.toMatchObject({
    code: 'invalid_request',
  })
})

test('a refusal of the source is thrown as it is, before the file and in it', async () => {
  const failing = (text: string) =>
    (async function* () {
      yield Buffer.from(text)
      throw new AppError('request_timeout', 'nothing came')
    })()
  const { content } = await openFormFile(failing(part('name="file"; filename="a"', 'half')), type)

  await expect(Array.fromAsync(content)).rejects.toMatchObject({ code: 'request_timeout' })
  await expect(openFormFile(failing('--line\r\n'), type)).rejects.toMatchObject({ code: 'request_timeout' })
})

test('no more of a form is read than is taken of its file', async () => {
  let given = 0
  const endless = async function* () {
    yield Buffer.from(part('name="file"; filename="a"', '').slice(0, -2))
    for (;;) {
      given += 64 * 1024
      yield Buffer.alloc(64 * 1024)
    }
  }

  const { content } = await openFormFile(endless(), type)
  let taken = 0
  for await (const chunk of content) {
    taken += chunk.byteLength
    if (taken > 1_000_000) break
  }

  expect(given).toBeLessThan(2_000_000)
})

test('a form is told by its type', () => {
  expect(isForm('Multipart/Form-Data; boundary=x')).toBe(true)
  expect(isForm('text/csv')).toBe(false)
  expect(isForm(undefined)).toBe(false)
})
