import { expect, test } from 'vitest'
import { createEventsTokens } from './events-token.ts'

test('a token is good for its own prediction and secret only', () => {
  const tokens = createEventsTokens(() => 'a secret')
  const token = tokens.sign('iris-1')

  expect(token).toMatch(/^[\w-]{22}$/)
  expect(tokens.verify('iris-1', token)).toBe(true)
  expect(tokens.verify('iris-2', token)).toBe(false)
  expect(tokens.verify('iris-1', `${token}x`)).toBe(false)
  expect(tokens.verify('iris-1', '')).toBe(false)
  expect(createEventsTokens(() => 'another secret').verify('iris-1', token)).toBe(false)
})
