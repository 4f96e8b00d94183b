import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { startTestRedis } from '../../../../scripts/redis/start-test-redis.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { fileKeys } from '../redis/names.ts'
import { createFileStore } from './file-store.ts'

const namespace = `file-store-test-${process.pid}`
const keys = fileKeys(namespace)
const limits = { maxBytes: 1000, maxFiles: 3 }
let redis: Redis
let now: number
const clock = () => now

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
  now = 1_000_000
})
afterEach(() => leaveRedis(redis, namespace))

const storeOn = (connection = redis) => createFileStore({ redis: connection, namespace, clock })
const aboutOf = ({ owner = 'alice', bytes = 10, expiresAt = 2_000_000 } = {}) => ({
  owner,
  filename: 'rows.csv',
  contentType: 'text/csv',
  bytes,
  sha256: 'ab'.repeat(32),
  storage: 'disk-1',
  createdAt: now,
  expiresAt,
})
const reserve = (id: string, { owner = 'alice', bytes = 10, leaseMs = 5000 } = {}) =>
  storeOn().reserve(id, { owner, storage: 'disk-1', bytes, leaseMs }, limits)
const extend = (id: string, bytes: number) =>
  storeOn().extend(id, { owner: 'alice', storage: 'disk-1', bytes, leaseMs: 5000 }, limits)
const add = async (id: string, about: Parameters<typeof aboutOf>[0] = {}) => {
  await reserve(id, { owner: about.owner ?? 'alice' })
  await storeOn().commit(id, aboutOf(about))
}

test('an upload becomes a file, and counts what it has', async () => {
  const store = storeOn()
  await reserve('file-a', { bytes: 500 })
  const reserved = await store.usage('alice')

  const isFile = await store.commit('file-a', aboutOf({ bytes: 123 }))

  expect(reserved).toEqual({ bytes: 500, files: 1 })
  expect(isFile).toBe(true)
  expect(await store.usage('alice')).toEqual({ bytes: 123, files: 1 })
  expect(await store.read('file-a')).toEqual({ id: 'file-a', ...aboutOf({ bytes: 123 }) })
  expect(await redis.zrange(keys.index('alice'), '0', '-1')).toEqual(['file-a'])
  expect(await redis.exists(keys.upload('file-a'), keys.uploads, keys.removed('disk-1'))).toBe(0)
})

test('what is reserved grows with what comes, up to the last byte that its owner may have', async () => {
  await reserve('file-a', { bytes: 0 })

  expect(await extend('file-a', 400)).toBe('reserved')
  expect(await extend('file-a', 1000)).toBe('reserved')
  expect(await extend('file-a', 1001)).toBe('bytes-full')
  expect(await storeOn().usage('alice')).toEqual({ bytes: 1000, files: 1 })
})

test('an owner has no more bytes or files than it may, uploads under way included, and others have their own', async () => {
  expect(await reserve('file-a', { bytes: 600 })).toBe('reserved')
  expect(await reserve('file-b', { bytes: 401 })).toBe('bytes-full')
  expect(await reserve('file-c', { bytes: 400 })).toBe('reserved')
  expect(await reserve('file-d', { bytes: 0 })).toBe('reserved')
  expect(await reserve('file-e', { bytes: 0 })).toBe('files-full')

  expect(await storeOn().usage('alice')).toEqual({ bytes: 1000, files: 3 })
  expect(await reserve('file-f', { owner: 'bob', bytes: 1000 })).toBe('reserved')
})

test('one whose upload has failed counts no more', async () => {
  const store = storeOn()
  await reserve('file-a', { bytes: 600 })

  await store.abort('file-a')
  await store.abort('file-a')

  expect(await store.usage('alice')).toEqual({ bytes: 0, files: 0 })
  expect(await store.removed('disk-1')).toEqual(['file-a'])
})

test('an upload of nothing is ended, and removed, as any other', async () => {
  const store = storeOn()
  await reserve('file-a', { bytes: 0 })
  await store.abort('file-a')
  await reserve('file-b', { bytes: 0 })
  await store.commit('file-b', aboutOf({ bytes: 0 }))

  expect(await store.remove('file-b')).toBe('removed')
  expect(await store.usage('alice')).toEqual({ bytes: 0, files: 0 })
})

test('an upload whose process is gone is ended when its lease is over, and what wakes up then makes no file', async () => {
  const store = storeOn()
  await reserve('file-a', { bytes: 600, leaseMs: 5000 })
  await reserve('file-b', { bytes: 100, leaseMs: 5001 })
  now += 5000

  expect(await store.sweep()).toBe(1)

  expect(await store.usage('alice')).toEqual({ bytes: 100, files: 1 })
  expect(await store.removed('disk-1')).toEqual(['file-a'])
  expect(await extend('file-a', 700)).toBe('gone')
  expect(await store.commit('file-a', aboutOf({ bytes: 600 }))).toBe(false)
  expect(await store.usage('alice')).toEqual({ bytes: 100, files: 1 })
  expect(await store.read('file-a')).toBeNull()
})

test('an upload that goes on keeps its lease', async () => {
  await reserve('file-a', { leaseMs: 5000 })
  now += 4000
  await extend('file-a', 20)
  now += 4000

  expect(await storeOn().sweep()).toBe(0)
})

test('a file that is removed counts no more, and is not found', async () => {
  const store = storeOn()
  await add('file-a', { bytes: 300 })

  expect(await store.remove('file-a')).toBe('removed')

  expect(await store.remove('file-a')).toBe('not-found')
  expect(await store.read('file-a')).toBeNull()
  expect(await store.usage('alice')).toEqual({ bytes: 0, files: 0 })
  expect(await store.removed('disk-1')).toEqual(['file-a'])
  expect(await redis.exists(keys.index('alice'), keys.expiries)).toBe(0)
  await store.forget('file-a', 'disk-1')
  expect(await store.removed('disk-1')).toEqual([])
})

test('files that have expired go, and those that have not stay', async () => {
  const store = storeOn()
  await add('file-old', { expiresAt: 1_500_000, bytes: 100 })
  await add('file-young', { expiresAt: 1_500_001, bytes: 20 })
  now = 1_500_000

  expect(await store.sweep()).toBe(1)

  expect(await store.read('file-old')).toBeNull()
  expect(await store.read('file-young')).not.toBeNull()
  expect(await store.usage('alice')).toEqual({ bytes: 20, files: 1 })
})

test('a file in use is not removed, nor when it has expired, until nothing uses it any more', async () => {
  const store = storeOn()
  await add('file-a', { expiresAt: 1_500_000 })
  expect(await store.hold('file-a', 'batch-1')).toBe(true)
  expect(await store.hold('file-a', 'batch-1')).toBe(true)
  expect(await store.hold('file-a', 'batch-2')).toBe(true)

  expect(await store.remove('file-a')).toBe('in-use')
  now = 1_500_000
  expect(await store.sweep()).toBe(0)
  await store.letGo('file-a', 'batch-1')
  now += 60_000
  expect(await store.sweep()).toBe(0)
  expect(await store.read('file-a')).not.toBeNull()

  await store.letGo('file-a', 'batch-2')
  now += 60_000
  expect(await store.sweep()).toBe(1)
})

test('a file that is gone can not be used', async () => {
  expect(await storeOn().hold('file-a', 'batch-1')).toBe(false)
  expect(await redis.exists(keys.uses('file-a'))).toBe(0)
})

test('what is neither a file nor an upload is unknown', async () => {
  await add('file-a')
  await reserve('file-b')

  expect(await storeOn().unknown(['file-a', 'file-b', 'file-c'])).toEqual(['file-c'])
})

test('sizes beyond 32 bits are counted to the byte', async () => {
  const huge = { maxBytes: 1e15, maxFiles: 3 }
  const bytes = 123_456_789_012_345
  const store = storeOn()
  await store.reserve('file-a', { owner: 'alice', storage: 'disk-1', bytes, leaseMs: 5000 }, huge)
  await store.commit('file-a', aboutOf({ bytes: bytes + 1 }))

  expect(await store.usage('alice')).toEqual({ bytes: bytes + 1, files: 1 })
  await store.remove('file-a')
  expect(await store.usage('alice')).toEqual({ bytes: 0, files: 0 })
})

test('in a Redis that is full files are removed and uploads ended, and none begins', async () => {
  const full = await startTestRedis()
  const connection = new Redis(full.url)
  try {
    const store = storeOn(connection)
    await store.reserve('file-a', { owner: 'alice', storage: 'disk-1', bytes: 1, leaseMs: 5000 }, limits)
    await store.reserve('file-b', { owner: 'alice', storage: 'disk-1', bytes: 1, leaseMs: 5000 }, limits)
    await connection.config('SET', 'maxmemory', '1')

    expect(await store.commit('file-a', aboutOf())).toBe(true)
    await expect(
      store.reserve('file-c', { owner: 'alice', storage: 'disk-1', bytes: 1, leaseMs: 5000 }, limits),
    ).rejects.toThrow('OOM')
    await store.abort('file-b')
    expect(await store.remove('file-a')).toBe('removed')
    expect(await store.usage('alice')).toEqual({ bytes: 0, files: 0 })
  } finally {
    connection.disconnect()
    await full.close()
  }
})

test('what is gone is named for the storage that it was in, and for no other', async () => {
  const store = storeOn()
  await add('file-a')
  await store.reserve('file-b', { owner: 'alice', storage: 'disk-2', bytes: 1, leaseMs: 5000 }, limits)

  await store.remove('file-a')
  await store.abort('file-b')

  expect(await store.removed('disk-1')).toEqual(['file-a'])
  expect(await store.removed('disk-2')).toEqual(['file-b'])
})
