import { mkdir, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ReusedBuffers } from './reused-buffers.ts'
import { openLocalStorage } from './storage-local.ts'
import type { LocalStorage } from './storage-local.ts'

let folder: string
let storage: LocalStorage

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storage-test-'))
  storage = await openLocalStorage(folder)
})
afterEach(() => rm(folder, { recursive: true }))

const source = async function* (...parts: string[]) {
  for (const part of parts) yield Buffer.from(part)
}
const put = (name: string, ...parts: string[]) => storage.put(name, source(...parts))
const incoming = () => readdir(join(folder, 'incoming'))
const listed = async (prefix: string) => (await Array.fromAsync(storage.list(prefix))).toSorted()

test('what was put is read whole or in part', async () => {
  const bytes = await put('files/a/content', 'one ', 'two ', 'three')

  expect(bytes).toBe(13)
  expect(await storage.size('files/a/content')).toBe(13)
  expect(await text(await storage.openRange('files/a/content', { start: 0, end: 13 }))).toBe('one two three')
  expect(await text(await storage.openRange('files/a/content', { start: 4, end: 7 }))).toBe('two')
  expect(await text(await storage.openRange('files/a/content', { start: 5, end: 5 }))).toBe('')
  expect(await incoming()).toEqual([])
})

test('where the disk of the storage is not mounted nothing is said to be gone', async () => {
  await put('files/a/content', 'one')
  await rename(folder, `${folder}~`)
  await mkdir(join(folder, 'objects'), { recursive: true })

  await expect(storage.size('files/a/content')).rejects.toMatchObject({ code: 'storage_unavailable' })

  await rm(folder, { recursive: true })
  await rename(`${folder}~`, folder)
  expect(await storage.size('files/a/content')).toBe(3)
  expect(await storage.size('files/b/content')).toBeUndefined()
})

test('what is read into buffers that are given back is the same, chunk by chunk', async () => {
  await put('files/a/content', 'one ', 'two ', 'three')
  const buffers = new ReusedBuffers(4)
  const read: string[] = []

  const stream = await storage.openRange('files/a/content', { start: 2, end: 11 }, buffers)
  for await (const chunk of stream) {
    read.push(String(chunk))
    buffers.giveBack(chunk)
  }

  expect(read.join('')).toBe('e two thr')
})

test('a file that is cut off while it is read into buffers fails', async () => {
  await put('files/a/content', 'one ', 'two ')
  const stream = await storage.openRange('files/a/content', { start: 0, end: 8 }, new ReusedBuffers(4))
  await writeFile(join(folder, 'objects/files/a/content'), 'one')

  await expect(text(stream)).rejects.toMatchObject({ code: 'storage_unavailable' })
})

test('nothing at all is something, too', async () => {
  await put('files/empty/content')

  expect(await storage.size('files/empty/content')).toBe(0)
  expect(await text(await storage.openRange('files/empty/content', { start: 0, end: 0 }))).toBe('')
})

test('a source that fails leaves nothing, and its own error is thrown', async () => {
  const failing = async function* () {
    yield Buffer.from('half')
    throw new Error('the caller left')
  }

  await expect(storage.put('files/a/content', failing())).rejects.toThrow('the caller left')

  expect(await storage.size('files/a/content')).toBeUndefined()
  expect(await incoming()).toEqual([])
})

test('nothing is there under a name before all of it is', async () => {
  let sizeMeanwhile: number | undefined = -1
  const looking = async function* () {
    yield Buffer.from('half')
    sizeMeanwhile = await storage.size('files/a/content')
    yield Buffer.from('half')
  }

  await storage.put('files/a/content', looking())

  expect(sizeMeanwhile).toBeUndefined()
})

test('of two that put under one name the last that is done counts', async () => {
  await put('files/a/content', 'first')
  const before = await storage.openRange('files/a/content', { start: 0, end: 5 })
  await put('files/a/content', 'second')

  expect(await text(before)).toBe('first')
  expect(await text(await storage.openRange('files/a/content', { start: 0, end: 6 }))).toBe('second')
})

test('names are listed by their prefix', async () => {
  await put('batches/b/out/00000000', 'x')
  await put('batches/b/out/00000001', 'x')
  await put('batches/bb/input', 'x')

  expect(await listed('batches/b/')).toEqual(['batches/b/out/00000000', 'batches/b/out/00000001'])
  expect(await listed('batches/')).toHaveLength(3)
  expect(await listed('files/')).toEqual([])
})

test('a prefix is removed with all that is below it, and nothing beside it', async () => {
  await put('files/a/content', 'x')
  await put('files/ab/content', 'x')

  await storage.remove('files/a/')
  await storage.remove('files/never/')

  expect(await listed('files/')).toEqual(['files/ab/content'])
})

test('what is still being put goes with its prefix: then the put fails, and leaves nothing', async () => {
  const removed = async function* () {
    yield Buffer.from('half')
    await storage.remove('files/a/')
  }

  await expect(storage.put('files/a/content', removed())).rejects.toMatchObject({
    code: 'storage_unavailable',
  })

  expect(await storage.size('files/a/content')).toBeUndefined()
  expect(await incoming()).toEqual([])
})

test('a sweep takes what nobody has written to for a day, and leaves what is young', async () => {
  const old = new Date(Date.now() - 25 * 3_600_000)
  for (const name of ['files~old~x', 'files~young~x']) await writeFile(join(folder, 'incoming', name), 'half')
  await utimes(join(folder, 'incoming/files~old~x'), old, old)

  await storage.sweep()

  expect(await incoming()).toEqual(['files~young~x'])
})

test.each([
  '',
  '/',
  '../secret',
  'files/../../secret',
  'files//a',
  '/etc/passwd',
  'files/.hidden',
  'files/a~b',
  'a\n',
])('a name that was not made by us is refused: %j', async (name) => {
  await expect(put(name, 'x')).rejects.toThrow('not a name in the storage')
  await expect(storage.remove(`${name}/`)).rejects.toThrow('not a prefix in the storage')
})

test('bytes that should be there and are not are no empty file', async () => {
  await put('files/a/content', 'four')

  await expect(storage.openRange('files/b/content', { start: 0, end: 4 })).rejects.toMatchObject({
    code: 'storage_unavailable',
  })
  await expect(storage.openRange('files/a/content', { start: 0, end: 5 })).rejects.toMatchObject({
    code: 'storage_unavailable',
  })
})

test('there is room', async () => {
  expect(await storage.freeBytes()).toBeGreaterThan(0)
})

test('a storage has one id for all who open it, also at once', async () => {
  const other = join(folder, 'other')
  const opened = await Promise.all(Array.from({ length: 20 }, () => openLocalStorage(other)))

  expect(new Set(opened.map(({ id }) => id)).size).toBe(1)
  expect((await readFile(join(other, 'storage-id'), 'utf8')).trim()).toBe(opened[0]?.id)
  expect((await readdir(other)).toSorted()).toEqual(['incoming', 'objects', 'storage-id'])
  expect(opened[0]?.id).not.toBe(storage.id)
})

test('a folder that can not be one is told about', async () => {
  await writeFile(join(folder, 'file'), '')

  await expect(openLocalStorage(join(folder, 'file'))).rejects.toMatchObject({ code: 'storage_unavailable' })
})

test('an id that is empty, as a full disk may leave it, is said so', async () => {
  await writeFile(join(folder, 'storage-id'), '')

  await expect(openLocalStorage(folder)).rejects.toMatchObject({
    code: 'storage_unavailable',
    cause: { message: `${join(folder, 'storage-id')} is there and has no id in it: remove it` },
  })
})
