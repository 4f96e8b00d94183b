import { expect, test } from 'vitest'
import { fingerprintOf } from './claims.ts'

const request = { input: { a: 1, b: [{ c: 2, d: 3 }] }, priority: 'normal' as const, metadata: {} }

test('the order of fields makes no difference to a fingerprint, the order of rows does', () => {
  const reordered = { metadata: {}, priority: 'normal' as const, input: { b: [{ d: 3, c: 2 }], a: 1 } }

  expect(fingerprintOf('iris', reordered)).toBe(fingerprintOf('iris', request))
  expect(fingerprintOf('iris', { ...request, input: [1, 2] })).not.toBe(
    fingerprintOf('iris', { ...request, input: [2, 1] }),
  )
})

test('whatever is asked for is part of a fingerprint', () => {
  const fingerprints = [
    fingerprintOf('iris', request),
    fingerprintOf('housing', request),
    fingerprintOf('iris', { ...request, version: '1' }),
    fingerprintOf('iris', { ...request, priority: 'high' }),
    fingerprintOf('iris', { ...request, metadata: { a: 'b' } }),
    fingerprintOf('iris', { ...request, input: {} }),
  ]

  expect(new Set(fingerprints).size).toBe(6)
})
