import { expect, test } from 'vitest'
import { inputElementSchema, orMissing } from '../../tensors/element-schema.ts'
import { createCellReader } from './read-cell.ts'

const read = (schema: object, text: string) => {
  const bytes = Buffer.from(`,${text},`)
  return createCellReader({ ...schema })(bytes, 1, bytes.length - 1)
}

const float = inputElementSchema('float32')
const int64 = inputElementSchema('int64')
const vector = { type: 'array', items: float, minItems: 2, maxItems: 2 }
const matrix = { type: 'array', items: vector, minItems: 1 }

test.each([
  [float, '5.1', 5.1],
  [float, 'tall', 'tall'],
  [float, '', ''],
  [orMissing(float), '', null],
  [orMissing(float), '5.1', 5.1],
  [inputElementSchema('int32'), '7', 7],
  [int64, '9007199254740991', 9007199254740991],
  [int64, '9007199254740993', '9007199254740993'],
  [int64, '-9223372036854775808', '-9223372036854775808'],
  [inputElementSchema('uint64'), '18446744073709551615', '18446744073709551615'],
  [inputElementSchema('bool'), 'True', true],
  [inputElementSchema('bool'), '0', false],
  [inputElementSchema('bool'), 'yes', 'yes'],
  [inputElementSchema('string'), ' 5.1 ', ' 5.1 '],
  [inputElementSchema('string'), '', ''],
  [{ enum: ['no', 'yes'] }, 'yes', 'yes'],
  [{ enum: ['no', 'yes'] }, 'maybe', 'maybe'],
  [{ enum: [1, 2] }, '2', 2],
  [{ enum: [1, 2] }, '2.0', 2],
  [{ enum: [1, 2] }, '3', '3'],
  [vector, '[1,2.5]', [1, 2.5]],
  [vector, 'AACAPwAAIEA=', [1, 2.5]],
  [vector, '1,2.5', '1,2.5'],
  [vector, '[1,', '[1,'],
  [matrix, '[[1,2]]', [[1, 2]]],
  [{ anyOf: [float, { type: 'array' }] }, '1.5', 1.5],
  [{ anyOf: [float, { type: 'array' }] }, '[[1.5]]', [[1.5]]],
])('where %j is wanted the cell %j is %j', (schema, text, value) => {
  expect(read(schema, text)).toEqual(value)
})
