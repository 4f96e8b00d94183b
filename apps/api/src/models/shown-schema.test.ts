import { expect, test } from 'vitest'
import { compileInputCheck } from './input-check.ts'
import { showSchema } from './shown-schema.ts'

/** As workers publish them. */
const bounds = { float16: 65520, float32: 3.4028235677973366e38 }
const numberOf = (type: keyof typeof bounds) => ({
  type: 'number',
  exclusiveMinimum: -bounds[type],
  exclusiveMaximum: bounds[type],
})

test.each(['float16', 'float32'] as const)('a number of %s is shown as such, wherever it is', (type) => {
  const element = numberOf(type)

  const shown = showSchema({
    type: 'object',
    properties: {
      x: { type: 'array', items: element, minItems: 4 },
      age: { anyOf: [element, { type: 'null' }] },
    },
  })

  expect(shown).toEqual({
    type: 'object',
    properties: {
      x: { type: 'array', items: { type: 'number', format: type }, minItems: 4 },
      age: { anyOf: [{ type: 'number', format: type }, { type: 'null' }] },
    },
  })
})

test('other bounds stay, and names that only look like keywords', () => {
  const schema = {
    type: 'object',
    properties: {
      exclusiveMaximum: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 65520 },
      n: { type: 'integer', minimum: -2147483648, maximum: 2147483647 },
      text: { type: 'string', pattern: '^[^\\u0000]*$' },
    },
  }

  expect(showSchema(schema)).toEqual(schema)
})

test.each([
  ['float32', 1e39],
  ['float16', -70_000],
] as const)('a number that %s can not hold is refused with a sentence', (type, value) => {
  expect(compileInputCheck(numberOf(type))(value, '/input')).toEqual([
    { pointer: '/input', detail: `is too large for ${type}` },
  ])
})
