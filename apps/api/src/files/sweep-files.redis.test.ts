import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFileStore, createLogger, fileContentName, newFileId, openLocalStorage } from '@onqueue/shared'
import type { LocalStorage } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { createFileSweeper } from './sweep-files.ts'

const namespace = `sweep-files-test-${process.pid}`
const log = createLogger({ service: 'test', level: 'silent' })
const dayMs = 24 * 3_600_000
const keptMs = 7 * dayMs
const limits = { maxBytes: 1000, maxFiles: 10 }
let redis: Redis
let folder: string
let storage: LocalStorage
let now: number
const clock = () => now

beforeEach(async () => {
  redis = new Redis(inject('redisUrl'))
  folder = await mkdtemp(join(tmpdir(), 'sweep-files-test-'))
  storage = await openLocalStorage(folder)
  now = 1_700_000_000_000
})
afterEach(async () => {
  await leaveRedis(redis, namespace)
  await rm(folder, { recursive: true })
})

const store = () => createFileStore({ redis, namespace, clock })
const bytes = async function* () {
  yield Buffer.from('rows')
}
const putBytes = async () => {
  const id = newFileId(now)
  await storage.put(fileContentName(id), bytes())
  return id
}
const upload = async (storageId = storage.id) => {
  const id = await putBytes()
  await store().reserve(id, { owner: 'alice', storage: storageId, bytes: 4, leaseMs: 1000 }, limits)
  return id
}
const addFile = async (storageId = storage.id) => {
  const id = await upload(storageId)
  await store().commit(id, {
    owner: 'alice',
    filename: null,
    contentType: 'text/csv',
    bytes: 4,
    sha256: 'ab'.repeat(32),
    storage: storageId,
    createdAt: now,
    expiresAt: now + keptMs,
  })
  return id
}
const sweep = async () => {
  const sweeper = createFileSweeper({
    store: store(),
    storage: async () => storage,
    clock,
    keptMs,
    intervalMs: dayMs,
    log,
  })
  await sweeper.sweep()
  await sweeper.close()
}
const left = async () => (await Array.fromAsync(storage.list('files/'))).toSorted()

test('files that have expired go with their bytes, and others stay', async () => {
  await addFile()
  now += dayMs
  const young = await addFile()
  now += keptMs - dayMs

  await sweep()

  expect(await left()).toEqual([fileContentName(young)])
  expect(await store().usage('alice')).toEqual({ bytes: 4, files: 1 })
  expect(await store().removed(storage.id)).toEqual([])
})

test('bytes that came from an upload which was given up go with it', async () => {
  await upload()
  now += 1000

  await sweep()

  expect(await left()).toEqual([])
  expect(await store().usage('alice')).toEqual({ bytes: 0, files: 0 })
})

test('what is in another storage is left to who has that', async () => {
  const id = await addFile('another-disk')
  await store().remove(id)

  await sweep()

  expect(await store().removed('another-disk')).toEqual([id])
})

test('bytes that Redis does not know stay for as long as a file may, and go then', async () => {
  await putBytes()
  now += dayMs
  const young = await putBytes()
  now += keptMs - dayMs + 1

  await sweep()

  expect(await left()).toEqual([fileContentName(young)])
})

test('a file that is in use beyond its time keeps its bytes', async () => {
  const id = await addFile()
  await store().hold(id, 'batch-1')
  now += 10 * keptMs

  await sweep()

  expect(await left()).toEqual([fileContentName(id)])
})
