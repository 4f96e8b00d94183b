import { expect, test } from 'vitest'
import { createKey, createKeyFinder, isKeyName, parseKeys, parseKeysOf } from './api-keys.ts'

const one = '0123456789abcdef'.repeat(4)

test('a new key is found by its hash', () => {
  const { key, stored } = createKey('billing')

  expect(createKeyFinder([stored])(key)).toBe('billing')
  expect(createKeyFinder([stored])(`${key}x`)).toBeUndefined()
  expect(createKeyFinder([])(key)).toBeUndefined()
  expect(JSON.stringify(stored)).not.toContain(key)
})

test('keys are read from a line with commas and from a file with comments', () => {
  const upper = one.toUpperCase()

  expect(parseKeys(`billing:${one},search:${upper}`).keys).toEqual([
    { name: 'billing', sha256: one },
    { name: 'search', sha256: one },
  ])
  expect(parseKeys(`# ours\n\n  billing:${one}  # since May\r\n`)).toEqual({
    keys: [{ name: 'billing', sha256: one }],
    problems: [],
  })
})

test('every entry that is no key is named by its place, and never repeated', () => {
  const { keys, problems } = parseKeys(`billing:${one}\noq_a-key-pasted-here\nAnna:${one}\nanonymous:${one}`)

  expect(keys).toEqual([{ name: 'billing', sha256: one }])
  expect(problems.map((problem) => problem.slice(0, 7))).toEqual(['entry 2', 'entry 3', 'entry 4'])
  expect(problems.join()).not.toMatch(/pasted|Anna/)
})

test('a setting that is wrong is refused with the source and the way out', () => {
  expect(() => parseKeysOf('ONQUEUE_API_KEYS', 'x')).toThrow(
    /^ONQUEUE_API_KEYS: entry 1 is not name:sha256 .* npm run keys -- create NAME/,
  )
})

test.each(['a', 'billing-2', '0'.repeat(63)])('%s is a name', (name) => expect(isKeyName(name)).toBe(true))
test.each(['', 'A', 'a_b', 'a:b', 'anonymous', 'a'.repeat(64), 'a\n'])('%j is no name', (name) =>
  expect(isKeyName(name)).toBe(false),
)
