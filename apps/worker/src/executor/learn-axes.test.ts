import { expect, test } from 'vitest'
import { findRowLayout } from '../tensors/row-layout.ts'
import type { Axis, OutputInfo } from '../tensors/tensor.ts'
import { learnPerRow, learnShapes } from './learn-axes.ts'
import type { SeenRun } from './learn-axes.ts'

const output = (shape: Axis[]): OutputInfo => ({ name: 'y', type: 'float32', shape })
const run = (ranRows: number, dims: number[]): SeenRun => ({
  ranRows,
  outputs: { y: { type: 'float32', data: new Float32Array(dims.reduce((a, b) => a * b, 1)), dims } },
})

test.each<[string, Axis[], number[][], Axis[]]>([
  [
    'a length that the file has wrong',
    ['N', 1],
    [
      [1, 3],
      [2, 3],
    ],
    ['N', 3],
  ],
  ['a length that follows the rows', [1], [[1], [2]], ['']],
  [
    'a length that is as the file says',
    ['N', 2],
    [
      [1, 2],
      [2, 2],
    ],
    ['N', 2],
  ],
  [
    'an axis that is missing in the file',
    ['N'],
    [
      [1, 1],
      [2, 1],
    ],
    ['', ''],
  ],
  ['an axis that the file has too many of', ['N', 1], [[1], [2]], ['']],
  [
    'axes of which the file says nothing',
    [],
    [
      [1, 4],
      [2, 4],
    ],
    ['', ''],
  ],
])('%s', (_, declared, seen, shape) => {
  const runs = seen.map((dims, index) => run(index + 1, dims))

  expect(learnShapes([output(declared)], runs)).toEqual([output(shape)])
})

test('where runs differ in their axes an output has no shape', () => {
  expect(learnShapes([output(['N', 7])], [run(1, [1]), run(2, [2, 2])])).toEqual([
    { ...output(['N', 7]), isUnshaped: true },
  ])
})

test('an output has a slice for each row when it had one in every run', () => {
  const layout = findRowLayout({
    inputs: [{ name: 'x', type: 'float32', shape: ['N', 4] }],
    outputs: [output(['K'])],
  })

  expect(learnPerRow(layout, [run(1, [1]), run(2, [2]), run(1, [1])])).toEqual(new Set(['y']))
  // one box was found, then two, and one again in what was longer
  expect(learnPerRow(layout, [run(1, [1]), run(2, [2]), run(1, [2])])).toEqual(new Set())
  expect(learnPerRow(layout, [run(1, []), run(2, [])])).toEqual(new Set())
})
