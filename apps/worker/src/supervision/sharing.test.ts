import { expect, test } from 'vitest'
import { isSmall, isTooSlow, mayBeSmall } from './sharing.ts'

const megabyte = 1024 * 1024
const asItComes: Parameters<typeof mayBeSmall>[0] = {
  settings: { instances: 'auto', providers: ['cpu'] },
  threads: 1,
  fileBytes: 4 * megabyte,
}

test('a file of up to 4 MB may be small', () => {
  expect(mayBeSmall(asItComes)).toBe(true)
  expect(mayBeSmall({ ...asItComes, fileBytes: 4 * megabyte + 1 })).toBe(false)
  expect(mayBeSmall({ ...asItComes, fileBytes: undefined })).toBe(false)
})

test.each([
  ['instances', { ...asItComes, settings: { ...asItComes.settings, instances: 1 } }],
  ['threads', { ...asItComes, threads: 2 }],
  ['a GPU', { ...asItComes, settings: { ...asItComes.settings, providers: ['cuda', 'cpu'] } }],
])('a version that asks for %s has executors of its own', (_, asked) => {
  expect(mayBeSmall(asked)).toBe(false)
})

test('a version is small by what it takes of memory and of the time of others', () => {
  expect(isSmall({ grownBytes: 64 * megabyte, batchMs: 20 })).toBe(true)
  expect(isSmall({ grownBytes: 64 * megabyte + 1, batchMs: 1 })).toBe(false)
  expect(isSmall({ grownBytes: 1, batchMs: 20.1 })).toBe(false)
})

test('a run of over a quarter of a second keeps others waiting', () => {
  expect([isTooSlow(250), isTooSlow(251)]).toEqual([false, true])
})
