import { AppError } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { parseJson } from './parse-json.ts'
import { createJsonScan } from './scan-json.ts'

test('a JSON text becomes its value', () => {
  expect(parse('{"input":{"features":[1,-2.5e3,"a",null]}}')).toEqual({
    input: { features: [1, -2500, 'a', null] },
  })
})

/** What follows where a shell of Windows took or left quotes. */
const hint =
  '. The shell took or left quotes: in cmd.exe and PowerShell write -d "{\\"name\\": …}", or send a file with -d @input.json'

test.each([
  ['[1,2,NaN]', 'line 1, column 6: NaN and Infinity are no JSON numbers'],
  ['{"a":-Infinity}', 'line 1, column 6: NaN and Infinity are no JSON numbers'],
  ['{"a":[1,2,],}', 'line 1, column 11: a comma stands before the closing bracket'],
  ['{"a":1,}', 'line 1, column 8: a comma stands before the closing bracket'],
  ["{'a':1}", 'line 1, column 2: strings take double quotes'],
  ['{a:1}', 'line 1, column 2: a name in double quotes should stand here' + hint],
  [`'{"a":1}'`, 'line 1, column 1: strings take double quotes' + hint],
  ['{\n  "a": 1\n  "b": 2\n}', 'line 3, column 3: a comma or a closing bracket should stand here'],
  ['{"a":01}', 'line 1, column 6: this is no JSON number'],
  ['{"a":"x\ny"}', 'line 1, column 6: this string does not end, or has a bad escape in it'],
  ['{"a":"\\x"}', 'line 1, column 6: this string does not end, or has a bad escape in it'],
  ['{"a" 1}', 'line 1, column 6: a colon should stand here'],
  ['[1,2', 'line 1, column 5: the text ends where a comma or a closing bracket should follow'],
  ['{"a":', 'line 1, column 6: the text ends where a value should follow'],
  ['[1]]', 'line 1, column 4: the document ended before this'],
  ['[1}', 'line 1, column 3: a comma or a closing bracket should stand here'],
  ['secret', 'line 1, column 1: a value should stand here'],
])('%j is refused where it goes wrong', (text, where) => {
  expect(refusalOf(text)).toMatchObject({ code: 'malformed_json', message: `the body is not JSON: ${where}` })
})

test('an empty body is told to be empty', () => {
  expect(refusalOf(' \n')).toMatchObject({
    code: 'malformed_json',
    message: 'the body is empty; send a JSON document',
  })
})

test.each([
  ['a string of ten million backslashes', `"${'\\'.repeat(10_000_001)}`, 1],
  ['ten million blanks', ' '.repeat(10_000_000), 0],
  ['ten million digits', `[${'1'.repeat(10_000_000)}x]`, 2],
  ['a million lines', `${'\n'.repeat(1_000_000)}x`, 1],
])('%s that are no JSON are refused like any other text', (_name, text, column) => {
  const where = column === 0 ? 'the body is empty' : new RegExp(`column ${column}: `)

  expect(refusalOf(text)).toMatchObject({ code: 'malformed_json' })
  expect(refusalOf(text).message).toMatch(where)
})

test.each([
  ['{"input":{"a":1,"b":2,"a":1}}', '/input/a'],
  ['[{"a":1},{"b":[{"x/y":{},"x/y":{}}]}]', '/1/b/0/x~1y'],
  ['{"\\u0061":1,"a":2}', '/a'],
  ['{"a":{"b":1},"c":[1,{"b":2}],"a":3}', '/a'],
  ['{"":1,"":2}', '/'],
])('%s has a member twice and is refused there', (text, pointer) => {
  expect(refusalOf(text)).toMatchObject({
    code: 'invalid_input',
    places: [{ pointer, detail: 'is there twice; send each name once' }],
  })
})

test('the same name in different objects, and in strings, is no doubled member', () => {
  const text = '[{"a":{"a":1}},{"a":"\\"a\\":{:"},"a:a"]'

  expect(parse(text)).toEqual([{ a: { a: 1 } }, { a: '"a":{:' }, 'a:a'])
})

test('a number beyond a double is refused with its place', () => {
  expect(refusalOf('{"input":{"a/b":[1,1e999]}}')).toMatchObject({
    code: 'invalid_input',
    places: [{ pointer: '/input/a~1b/1', detail: 'is too large a number' }],
  })
})

test('a __proto__ key is refused with its place, however it is spelled', () => {
  const places = [{ pointer: '/input/0/__proto__', detail: 'is not a usable name' }]

  expect(refusalOf('{"input":[{"__proto__":{}}]}')).toMatchObject({ code: 'invalid_input', places })
  expect(refusalOf('{"input":[{"\\u005f_proto__":1}]}')).toMatchObject({ code: 'invalid_input', places })
})

test.each([
  ['{"input":["a\\ud800"]}', '/input/0', 'has half of a surrogate pair, which is no character, in it'],
  ['{"a":{"b":"\\udc00\\ud800"}}', '/a/b', 'has half of a surrogate pair, which is no character, in it'],
  ['"\\uDBFF"', '', 'has half of a surrogate pair, which is no character, in it'],
  ['{"a":{"\\ud83d":1}}', '/a', 'has a name with half of a surrogate pair, which is no character, in it'],
])('%s is refused where the half of a pair is', (text, pointer, detail) => {
  expect(refusalOf(text)).toMatchObject({ code: 'invalid_input', places: [{ pointer, detail }] })
})

test('every character that there is passes as it is, however it is spelled', () => {
  const texts = ['\0', '\ufeff', '\ufffe\uffff', '\ufffd', '\u2028\r\n', 'é', 'e\u0301', '😀', '\u{10ffff}']
  const named = Object.fromEntries(texts.map((text) => [text, text]))
  const escaped = JSON.stringify(named).replaceAll(/[^ -~]/g, (char) => `\\u${hex(char)}`)

  expect(parse(JSON.stringify(named))).toStrictEqual(named)
  expect(parse(escaped)).toStrictEqual(named)
})

const hex = (unit: string) => unit.charCodeAt(0).toString(16).padStart(4, '0')

const parse = (text: string) => {
  const scan = createJsonScan()
  scan.take(Buffer.from(text))
  return parseJson(text, scan.end())
}

const refusalOf = (text: string) => {
  try {
    parse(text)
  } catch (err) {
    if (err instanceof AppError) return err
    throw err
  }
  throw new Error('it was not refused')
}
