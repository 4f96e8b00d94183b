import { expect, test } from 'vitest'
import { isTooOld, parseVersion } from './redis-version.ts'

test.each([
  ['Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=d81bff71cbb150e', '7.0.15'],
  ['Server v=8.0.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1', '8.0.1'],
  ['something else', 'unknown'],
])('the version is read out of %j', (output, version) => {
  expect(parseVersion(output)).toBe(version)
})

test('7.0 is the oldest that will do', () => {
  expect(isTooOld('6.2.14')).toBe(true)
  expect(isTooOld('7.0.0')).toBe(false)
  expect(isTooOld('10.1.0')).toBe(false)
  expect(isTooOld('unknown')).toBe(false)
})
