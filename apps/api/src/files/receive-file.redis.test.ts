import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createFileStore, fileContentName, openLocalStorage } from '@onqueue/shared'
import type { FileStore, LocalStorage } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { createReceiveFile } from './receive-file.ts'

const namespace = `receive-file-test-${process.pid}`
const limits = {
  maxBytes: 1000,
  maxFiles: 10,
  maxFileBytes: 1000,
  minFreeBytes: 0,
  leaseMs: 1000,
  keptMs: 60_000,
}
let redis: Redis
let folder: string
let storage: LocalStorage
let store: FileStore
let now: number

beforeEach(async () => {
  redis = new Redis(inject('redisUrl'))
  folder = await mkdtemp(join(tmpdir(), 'receive-file-test-'))
  storage = await openLocalStorage(folder)
  now = 1_700_000_000_000
  store = createFileStore({ redis, namespace, clock: () => now })
})
afterEach(async () => {
  await leaveRedis(redis, namespace)
  await rm(folder, { recursive: true })
})

const receiveBy = (ownStore: FileStore, body: AsyncIterable<Uint8Array>) =>
  createReceiveFile({ store: ownStore, storage: async () => storage, clock: () => now, limits })({
    owner: 'alice',
    body,
    contentType: 'text/csv',
    encoding: undefined,
    contentLength: undefined,
    filename: undefined,
  })
const rows = async function* () {
  yield Buffer.from('rows')
}
const stored = () => Array.fromAsync(storage.list('files/'))

test('a file that Redis took, and whose answer was lost, keeps its bytes', async () => {
  let id = ''
  const losing: FileStore = {
    ...store,
    commit: async (...commit) => {
      id = commit[0]
      await store.commit(...commit)
      throw new Error('read ECONNRESET')
    },
  }

  await expect(receiveBy(losing, rows())).rejects.toThrow('ECONNRESET')

  expect(await store.read(id)).toMatchObject({ owner: 'alice', bytes: 4 })
  expect(await store.removed(storage.id)).toEqual([])
  expect(await text(await storage.openRange(fileContentName(id), { start: 0, end: 4 }))).toBe('rows')
})

test('one that was given up while its last byte was written leaves no bytes', async () => {
  const late = async function* () {
    yield* rows()
    now += limits.leaseMs
    await store.sweep()
  }

  await expect(receiveBy(store, late())).rejects.toMatchObject({ code: 'server_busy' })

  expect(await stored()).toEqual([])
  expect(await store.usage('alice')).toEqual({ bytes: 0, files: 0 })
})

test('a body that breaks off gives back what was reserved', async () => {
  const broken = async function* () {
    yield* rows()
    throw new Error('the caller left')
  }

  await expect(receiveBy(store, broken())).rejects.toThrow('the caller left')

  expect(await stored()).toEqual([])
  expect(await store.usage('alice')).toEqual({ bytes: 0, files: 0 })
})

test('files that come at once do not take more than the disk has, though each of them would fit', async () => {
  const receive = createReceiveFile({
    store,
    storage: async () => ({ ...storage, freeBytes: async () => 100 }),
    clock: () => now,
    limits: { ...limits, minFreeBytes: 50 },
  })
  const upload = () => ({
    owner: 'alice',
    body: rows(),
    contentType: undefined,
    encoding: undefined,
    contentLength: 40,
    filename: undefined,
  })

  const ends = await Promise.allSettled(Array.from({ length: 10 }, () => receive(upload())))

  const refused = ends.filter(({ status }) => status === 'rejected')
  expect(refused).toHaveLength(9)
  expect(refused).toMatchObject(Array(9).fill({ reason: { code: 'storage_full' } }))
  expect((await receive(upload())).bytes).toBe(4)
})
