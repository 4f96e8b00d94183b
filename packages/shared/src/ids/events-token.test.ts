import { expect, test } from 'vitest'
import { createEventsTokens } from './events-token.ts'

test('a token is good for its own prediction and secret only', () => {
  const tokens = createEventsTokens(() => ['a secret'])
  const token = tokens.sign('iris-1')

  expect(token).toMatch(/^[\w-]{22}$/)
  expect(tokens.verify('iris-1', token)).toBe(true)
  expect(tokens.verify('iris-2', token)).toBe(false)
  expect(tokens.verify('iris-1', `${token}x`)).toBe(false)
  expect(tokens.verify('iris-1', '')).toBe(false)
  expect(createEventsTokens(() => ['another secret']).verify('iris-1', token)).toBe(false)
})

test('while a secret is changed, tokens of the one before it stay good', () => {
  const before = createEventsTokens(() => ['the secret before'])
  const both = createEventsTokens(() => ['a secret', 'the secret before'])

  expect(both.verify('iris-1', before.sign('iris-1'))).toBe(true)
  expect(before.verify('iris-1', both.sign('iris-1'))).toBe(false)
})
