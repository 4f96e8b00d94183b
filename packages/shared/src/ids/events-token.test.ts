import { expect, test } from 'vitest'
import { createEventsTokens } from './events-token.ts'

const tokens = createEventsTokens(() => ['a secret'])
const prediction = { id: 'iris-1', createdAt: 1_700_000_000_000, keyId: '0123456789abcdef' }

test('a token tells what it is bound to, for its own prediction and secret only', () => {
  const token = tokens.sign(prediction)

  expect(token).toMatch(/^[0-9a-z]+\.0123456789abcdef\.[\w-]{22}$/)
  expect(tokens.read('iris-1', token)).toEqual({
    kind: 'bound',
    createdAt: 1_700_000_000_000,
    keyId: '0123456789abcdef',
  })
  expect(tokens.read('iris-2', token)).toBe(undefined)
  expect(tokens.read('iris-1', `${token}x`)).toBe(undefined)
  expect(tokens.read('iris-1', '')).toBe(undefined)
  expect(createEventsTokens(() => ['another secret']).read('iris-1', token)).toBe(undefined)
})

test.each([
  ['the time', (token: string) => token.replace(/^./, 'z')],
  ['the key', (token: string) => token.replace('.0123456789abcdef.', '.0123456789abcdee.')],
  ['the key, to none', (token: string) => token.replace('.0123456789abcdef.', '..')],
  ['the kind', (token: string) => token.split('.')[2] ?? ''],
])('a token of which somebody changed %s is none', (_, change) => {
  expect(tokens.read('iris-1', change(tokens.sign(prediction)))).toBe(undefined)
})

test('where no key is needed a token is bound to none', () => {
  const token = tokens.sign({ ...prediction, keyId: null })

  expect(tokens.read('iris-1', token)).toMatchObject({ kind: 'bound', keyId: null })
})

test('a token of the release before is read, and made where nothing else can be', () => {
  const token = tokens.sign({ ...prediction, keyId: undefined })

  // as that release made it
  expect(token).toBe('FO8fI6PMmtn32JgDt2TV8q')
  expect(tokens.read('iris-1', token)).toEqual({ kind: 'unbound' })
  expect(tokens.read('iris-2', token)).toBe(undefined)
})

test('while a secret is changed, tokens of the one before it stay good', () => {
  const before = createEventsTokens(() => ['the secret before'])
  const both = createEventsTokens(() => ['a secret', 'the secret before'])

  expect(both.read('iris-1', before.sign(prediction))).toMatchObject({ kind: 'bound' })
  expect(before.read('iris-1', both.sign(prediction))).toBe(undefined)
})
