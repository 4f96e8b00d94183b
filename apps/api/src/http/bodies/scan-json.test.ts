import { AppError } from '@onqueue/shared'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createJsonScan, maxArrays, maxDepth, maxTexts } from './scan-json.ts'

test.each([
  ['arrays', '[', ']'],
  ['objects', '{"a":', '}'],
])('10,000 levels of %s are refused, and 64 are not', (_name, open, close) => {
  const nested = (levels: number) => open.repeat(levels) + close.repeat(levels)

  expect(refusalOf(nested(10_000))).toMatchObject({ code: 'invalid_request' })
  expect(refusalOf(nested(maxDepth + 1))).toMatchObject({ code: 'invalid_request' })
  expect(() => scan(nested(maxDepth))).not.toThrow()
})

test('brackets, colons and quotes in strings count for nothing', () => {
  const text = `["${'['.repeat(100)}", "\\"${'{'.repeat(100)}:", "\\\\", {"a:b":":"}]`

  expect(scan(text)).toEqual({ members: 1 })
})

test.each([
  ['names', (count: number) => `{${list(count, (at) => `"n${at}":1`)}}`],
  ['strings', (count: number) => `[${list(count, () => '""')}]`],
  ['objects', (count: number) => `[${list(count, () => '{}')}]`],
])('more %s than the bound are refused, as many as the bound are not', (_name, textOf) => {
  expect(refusalOf(textOf(maxTexts + 1))).toMatchObject({
    code: 'body_too_large',
    message: 'the body has more than 100000 names, strings and objects in it; send less at once',
  })
  // the object around the names is one of them
  expect(() => scan(textOf(maxTexts - 1))).not.toThrow()
})

test('more arrays than the bound are refused, as many as the bound are not', () => {
  expect(refusalOf(`[${list(maxArrays, () => '[]')}]`)).toMatchObject({ code: 'body_too_large' })
  expect(() => scan(`[${list(maxArrays - 1, () => '[1]')}]`)).not.toThrow()
})

test('a tensor of 450,000 numbers is let in, however it is nested', () => {
  expect(() => scan(`{"input":{"x":[${list(450_000, () => '0.5')}]}}`)).not.toThrow()
  expect(() => scan(`{"input":{"x":[${list(450_000, () => '[0.5]')}]}}`)).not.toThrow()
})

test('bytes that are not UTF-8 are refused where they begin', () => {
  const before = '["é𝄞ø'
  const at = Buffer.byteLength(before)
  const broken: [string, number[]][] = [
    ['a lone continuation', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an overlong é', [0xe0, 0x83, 0xa9]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
    ['a byte of no meaning', [0xff]],
    ['a character that is cut by the text', [0xf0, 0x9d, 0x84, 0x22]],
  ]
  for (const [name, bytes] of broken) {
    const body = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from('"]')])
    for (const slices of [[body], [...body].map((byte) => Buffer.from([byte]))]) {
      expect(refusalOf(...slices), name).toMatchObject({
        code: 'malformed_json',
        message: `the body is not UTF-8 at byte ${at}; send it as UTF-8`,
      })
    }
  }
})

test('a body that ends within a character is refused at its first byte', () => {
  expect(refusalOf(Buffer.from([0x22, 0xc3, 0xa9, 0xe2, 0x82]))).toMatchObject({
    message: 'the body is not UTF-8 at byte 3; send it as UTF-8',
  })
})

test('every JSON text is let in and has its members counted, wherever it is sliced', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5, stringUnit: 'binary' }), fc.nat(), (text, cut) => {
      const bytes = Buffer.from(text)
      const at = cut % (bytes.length + 1)

      const counted = scanSlices(bytes.subarray(0, at), bytes.subarray(at))

      expect(counted).toEqual({ members: countMembers(JSON.parse(text)) })
    }),
  )
})

const list = (count: number, itemOf: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => itemOf(at)).join(',')

const scanSlices = (...slices: Uint8Array[]) => {
  const scanning = createJsonScan()
  for (const slice of slices) scanning.take(slice)
  return scanning.end()
}

const scan = (text: string) => scanSlices(Buffer.from(text))

const countMembers = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 0
  const items: unknown[] = Object.values(value)
  const own = Array.isArray(value) ? 0 : items.length
  return items.reduce<number>((sum, item) => sum + countMembers(item), own)
}

const refusalOf = (...slices: (Uint8Array | string)[]) => {
  try {
    scanSlices(...slices.map((slice) => Buffer.from(slice)))
  } catch (err) {
    if (err instanceof AppError) return err
    throw err
  }
  throw new Error('it was not refused')
}
