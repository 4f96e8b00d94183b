import { expect, test } from 'vitest'
import { readShort, StoredJson, toJsonParts } from './stored-json.ts'

const storedOf = (text: string) => {
  const bytes = Buffer.from(text)
  return new StoredJson(bytes.length, async (start, end) => bytes.subarray(start, end))
}

test('a value without anything stored is one text', () => {
  expect(toJsonParts({ a: [1, 'x'] })).toEqual(['{"a":[1,"x"]}'])
  expect(toJsonParts(undefined)).toEqual(['null'])
})

test('what is stored stands between the texts, in its place', async () => {
  const [input, output] = [storedOf('{"x":[1,2]}'), storedOf('"é"')]

  const parts = toJsonParts({ id: 'a', input, list: [1, output], end: true })

  expect(parts).toEqual(['{"id":"a","input":', input, ',"list":[1,', output, '],"end":true}'])
  expect(toJsonParts(input)).toEqual(['', input, ''])
})

test('a stored text is read in slices, and as a value', async () => {
  const stored = storedOf('["é",1]')

  expect(stored.bytes).toBe(8)
  expect(Buffer.from(await stored.slice(0, 4)).toString()).toBe('["é')
  expect(Buffer.from(await stored.slice(4, 100)).toString()).toBe('",1]')
  expect(await readShort(stored, 8)).toEqual(['é', 1])
  expect(readShort(stored, 7)).toBe(stored)
  expect(readShort('as it is', 0)).toBe('as it is')
})

test('a stored text that went meanwhile is no text', async () => {
  const stored = new StoredJson(100, async () => new Uint8Array(0))

  await expect(stored.slice(0, 10)).rejects.toThrow('gone')
})
