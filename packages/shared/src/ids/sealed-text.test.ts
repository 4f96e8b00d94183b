import { expect, test } from 'vitest'
import { createSeals, formOf, plainForm } from './sealed-text.ts'

const secret = 'a secret of sixteen'
const older = 'the secret before it'
const of = (current: string | undefined, previous?: string) => createSeals({ current, previous })
const sealedBy = (current: string, text = 'whsec_x', about = 'alice') => {
  const seals = of(current)
  return seals.seal(seals.forms[0] ?? '', text, about)
}

test('what is sealed comes back, and is not in the sealed text', () => {
  const stored = sealedBy(secret)

  expect(stored).toMatch(/^sealed:[0-9a-f]{8}:[\w-]+$/)
  expect(Buffer.from(stored.split(':')[2] ?? '', 'base64url').toString('latin1')).not.toContain('whsec_')
  expect(of(secret).open(stored, 'alice')).toBe('whsec_x')
})

test.each(['', 'ü 漢 \u{1f600}', 'x'.repeat(100_000)])('any text comes back as it was', (text) => {
  expect(of(secret).open(sealedBy(secret, text), 'alice')).toBe(text)
})

test('the same text is never sealed the same way twice', () => {
  expect(sealedBy(secret)).not.toBe(sealedBy(secret))
})

test('what is not sealed is read as it is', () => {
  expect(of(secret).open('whsec_x', 'alice')).toBe('whsec_x')
  expect(formOf('whsec_x')).toBe(plainForm)
})

test('the forms of a process are those of its secrets, the current one first', () => {
  const [current] = of(secret).forms
  const [previous] = of(older).forms

  expect(of(secret, older).forms).toEqual([current, previous, 'plain'])
  expect(of(undefined).forms).toEqual(['plain'])
  expect(of(undefined, older).forms).toEqual(['plain', previous])
  expect(formOf(sealedBy(secret))).toBe(current)
  expect(current).not.toBe(previous)
})

test('the secret before the current one still opens what it sealed', () => {
  expect(of(secret, older).open(sealedBy(older), 'alice')).toBe('whsec_x')
})

test.each([
  ['no secret', of(undefined), /ONQUEUE_SECRET is not set/],
  ['another secret', of(secret), /ONQUEUE_SECRET_PREVIOUS/],
])('with %s it is an error that names the setting', (_, seals, message) => {
  expect(() => seals.open(sealedBy(older), 'alice')).toThrow(message)
})

test('a secret in the place of another one, or changed, is not read', () => {
  const stored = sealedBy(secret)
  const changed = `${stored.slice(0, -4)}AAAA`

  expect(() => of(secret).open(stored, 'bob')).toThrow(/changed or moved/)
  expect(() => of(secret).open(changed, 'alice')).toThrow(/changed or moved/)
  expect(() => of(secret).open(stored.slice(0, 30), 'alice')).toThrow(/changed or moved/)
})
