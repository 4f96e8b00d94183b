import { expect, test } from 'vitest'
import { parseIdempotencyKey } from './idempotency-key.ts'

test('quoted and bare are the same key', () => {
  expect(parseIdempotencyKey('8e03978e-40d5')).toBe('8e03978e-40d5')
  expect(parseIdempotencyKey('"8e03978e-40d5"')).toBe('8e03978e-40d5')
  expect(parseIdempotencyKey('"a\\"b\\\\c"')).toBe('a"b\\c')
  expect(parseIdempotencyKey(undefined)).toBeUndefined()
})

test.each(['', '""', 'é', 'a\tb', 'x'.repeat(256)])('%j is refused', (header) => {
  expect(() => parseIdempotencyKey(header)).toThrow(
    'Idempotency-Key takes 1 to 255 printable ASCII characters',
  )
})

test('255 characters are accepted', () => {
  expect(parseIdempotencyKey('x'.repeat(255))).toHaveLength(255)
})
