import { expect, test } from 'vitest'
import { findRowLayout } from './row-layout.ts'
import type { Axis, TensorInfo } from './tensor.ts'

const tensor = (name: string, shape: Axis[]): TensorInfo => ({ name, type: 'float32', shape })

test('rows lie along a free first axis', () => {
  const layout = findRowLayout({ inputs: [tensor('x', ['N', 4])], outputs: [tensor('y', ['N', 2])] })

  expect(layout).toEqual({ axis: 'free', rowsPerRun: Infinity, perRow: new Set(['y']), reason: null })
})

test('free axes without a name count as the same, and an output may name its own', () => {
  const layout = findRowLayout({
    inputs: [tensor('a', ['', 1]), tensor('b', ['N'])],
    outputs: [tensor('y', ['M'])],
  })

  expect(layout).toEqual({ axis: 'free', rowsPerRun: Infinity, perRow: new Set(['y']), reason: null })
})

test('what the file says of the first axis of an output is a claim', () => {
  const inputs = [tensor('x', ['N', 4])]

  const layout = findRowLayout({
    inputs,
    outputs: [tensor('y', ['N']), tensor('label', [1]), tensor('odd', [5])],
  })

  expect(layout.perRow).toEqual(new Set(['y', 'label', 'odd']))
  expect(layout.reason).toBe(null)
})

test('where the inputs have one row, an output whose first axis has a name is whole', () => {
  const layout = findRowLayout({
    inputs: [tensor('x', [1, 'n'])],
    outputs: [tensor('boxes', ['found', 4]), tensor('sum', [1]), tensor('open', [''])],
  })

  expect(layout.perRow).toEqual(new Set(['sum', 'open']))
})

test('a first axis fixed to one row runs row by row', () => {
  const layout = findRowLayout({ inputs: [tensor('x', [1, 4])], outputs: [tensor('y', [1, 2])] })

  expect(layout).toMatchObject({ axis: 'fixed', rowsPerRun: 1, reason: 'its first axis is fixed to one row' })
})

test('a first axis fixed to eight rows takes eight', () => {
  const layout = findRowLayout({ inputs: [tensor('x', [8, 4])], outputs: [tensor('y', [8, 2])] })

  expect(layout).toEqual({ axis: 'fixed', rowsPerRun: 8, perRow: new Set(['y']), reason: null })
})

test.each([
  ['a scalar input', [tensor('x', ['N']), tensor('rate', [])], 'its input rate has no axis for rows'],
  [
    'axes of two names',
    [tensor('a', ['N']), tensor('b', ['M'])],
    'its inputs have first axes of different lengths (N, M)',
  ],
  [
    'a free and a fixed axis',
    [tensor('x', ['N']), tensor('state', [2])],
    'its inputs have first axes of different lengths',
  ],
  [
    'a batch axis that is also another',
    [tensor('x', ['N', 'N'])],
    'its axis N is not only the first one of an input',
  ],
])('%s leaves no axis for rows', (_, inputs, reason) => {
  expect(findRowLayout({ inputs, outputs: [tensor('y', ['N'])] })).toMatchObject({
    axis: 'none',
    rowsPerRun: 1,
    reason,
  })
})
