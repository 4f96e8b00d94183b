import { expect, test } from 'vitest'
import { badRow, models, quickModels } from './models.ts'
import { askMany, askOne } from './question.ts'

const random = () => 0.5

test('an array with a bad row fails, and keeps the outputs of the others', () => {
  const good = models.throws.row(3, random)

  expect(askMany('throws', [good, badRow, good])).toEqual({
    model: 'throws',
    input: [{ i: 3 }, { i: 99 }, { i: 3 }],
    answer: {
      status: 'failed',
      code: 'rows_failed',
      output: [{ value: 30 }, null, { value: 30 }],
      badRows: [1],
    },
  })
})

test('one bad row fails with its own code', () => {
  expect(askOne('throws', badRow).answer).toEqual({
    status: 'failed',
    code: 'inference_failed',
    output: null,
    badRows: [],
  })
})

test.each(quickModels)('no two rows of $name are alike', ({ row }) => {
  const inputs = Array.from({ length: 1000 }, (_, serial) => JSON.stringify(row(serial, random).input))

  expect(new Set(inputs).size).toBe(1000)
})
