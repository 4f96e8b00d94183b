import { expect, test } from 'vitest'
import { escapeControls, showJson } from './escape-controls.ts'

test.each([
  ['\u001b[2Jgone', '\\u001b[2Jgone'],
  ['\u009b31mred', '\\u009b31mred'],
  ['one\r\ntwo\u2028three', 'one\\u000d\\u000atwo\\u2028three'],
  ['evil\u202egnp.exe', 'evil\\u202egnp.exe'],
  ['half \ud800', 'half \\ud800'],
  ['tag \u{e0041}', 'tag \\udb40\\udc41'],
])('%j can only be looked at', (name, shown) => {
  expect(escapeControls(name)).toBe(shown)
})

test('letters of any script are shown as they are', () => {
  expect(escapeControls('größe_µ 東京 🌍')).toBe('größe_µ 東京 🌍')
})

test('JSON with escapes means what it meant', () => {
  const value = { name: '\u001b]0;title\u0007\u009b\u202e', list: [1] }

  const shown = showJson(value)

  expect(JSON.parse(shown)).toEqual(value)
  expect(shown.replaceAll('\n', '')).not.toMatch(/\p{Cc}|\p{Cf}/u)
  expect(shown.split('\n')).toHaveLength(6)
})
