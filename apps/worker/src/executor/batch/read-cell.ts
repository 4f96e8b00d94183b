import type { JsonSchema } from '@onqueue/shared'
import { isObject } from '@onqueue/shared/rows'
import { parseNumber } from './parse-number.ts'

/** Makes the value that a task expects of the text of a cell. */
export type ReadCell = (bytes: Buffer, start: number, end: number) => unknown

/**
 * How cells of a column are read, by the schema of their values. What is no such value is given to the task as text, which
 * says what is wrong with it as it does of any input.
 *
 * | the schema wants | a cell has |
 * | --- | --- |
 * | a number | decimal digits, also with an exponent |
 * | an integer that may be beyond 2^53 | digits, which stay text where they are |
 * | true or false | `true` or `false` in any case, `1` or `0` |
 * | one of some values | one of them |
 * | arrays | JSON; a list of numbers may be base64 of little-endian float32 instead |
 * | null for a missing value | nothing |
 */
export const createCellReader = (schema: JsonSchema): ReadCell => {
  const ways = alternatives(schema)
  const given = ways.filter((way) => way['type'] !== 'null')
  const read = chooseReader(given)
  if (given.length === ways.length) return read
  return (bytes, start, end) => (start === end ? null : read(bytes, start, end))
}

const chooseReader = (ways: JsonSchema[]): ReadCell => {
  const arrays = ways.find((way) => way['type'] === 'array')
  const [element = {}] = ways.filter((way) => way !== arrays)
  if (arrays) return arrayReader(arrays, ways.length > 1 ? chooseReader([element]) : undefined)
  if (Array.isArray(element['enum'])) return enumReader(element['enum'])
  const isBigInteger =
    ways.some((way) => way['type'] === 'string') && ways.some((way) => way['type'] === 'integer')
  if (isBigInteger) return readBigInteger
  switch (element['type']) {
    case 'number':
    case 'integer':
      return readNumber
    case 'boolean':
      return readBoolean
    default:
      return readText
  }
}

const alternatives = (schema: JsonSchema): JsonSchema[] =>
  Array.isArray(schema['anyOf']) ? schema['anyOf'].filter(isObject).flatMap(alternatives) : [schema]

const readText = (bytes: Buffer, start: number, end: number) => bytes.toString('utf8', start, end)

const readNumber: ReadCell = (bytes, start, end) => {
  const number = parseNumber(bytes, start, end)
  return Number.isNaN(number) ? readText(bytes, start, end) : number
}

const readBigInteger: ReadCell = (bytes, start, end) => {
  const value = readNumber(bytes, start, end)
  return Number.isSafeInteger(value) ? value : readText(bytes, start, end).trim()
}

const readBoolean: ReadCell = (bytes, start, end) => {
  const text = readText(bytes, start, end)
  const value = text.trim().toLowerCase()
  if (value === 'true' || value === '1') return true
  return value === 'false' || value === '0' ? false : text
}

/** A number may be written in another way than the model has it: 1.0 for 1. */
const enumReader = (values: unknown[]): ReadCell => {
  const byText = new Map(values.map((value) => [String(value), value]))
  const areText = values.every((value) => typeof value === 'string')
  return (bytes, start, end) => {
    const text = readText(bytes, start, end)
    return byText.get(text) ?? (areText ? text : (byText.get(String(readNumber(bytes, start, end))) ?? text))
  }
}

const openingBracket = 91
const space = 32

const arrayReader = (schema: JsonSchema, readElement: ReadCell | undefined): ReadCell => {
  const items = isObject(schema['items']) ? alternatives(schema['items']) : []
  const isVector = items.some(({ type }) => type === 'number')
  return (bytes, start, end) => {
    let first = start
    while (first < end && bytes[first] === space) first += 1
    if (bytes[first] === openingBracket && first < end) return readJson(bytes, start, end)
    if (readElement) return readElement(bytes, start, end)
    return (isVector ? readVector(bytes, start, end) : undefined) ?? readText(bytes, start, end)
  }
}

const readJson: ReadCell = (bytes, start, end) => {
  const text = readText(bytes, start, end)
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    return text
  }
}

/** Undefined where it is no base64 of whole float32s. */
const readVector = (bytes: Buffer, start: number, end: number) => {
  const text = bytes.toString('latin1', start, end)
  if (text === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined
  const packed = Buffer.from(text, 'base64')
  if (packed.length % 4 !== 0) return undefined
  return Array.from({ length: packed.length / 4 }, (_, index) => packed.readFloatLE(index * 4))
}
