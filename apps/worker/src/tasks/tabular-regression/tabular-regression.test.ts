import { expect, test } from 'vitest'
import { z } from 'zod'
import { chooseTask } from '../choose-task.ts'
import { readModelSettings } from '../../repository/read-model-settings.ts'
import { findRowLayout } from '../../tensors/row-layout.ts'
import type { OutputInfo } from '../../tensors/tensor.ts'

const regressor = (outputs: OutputInfo[], yaml = '') => {
  const signature = { inputs: [{ name: 'x', type: 'float32', shape: ['', 2] } as const], outputs }
  const settings = readModelSettings(`task: tabular-regression\n${yaml}`)
  return chooseTask(settings).create({ signature, layout: findRowLayout(signature) })
}

const value = (data: number[], dims: number[]) =>
  ({ type: 'float32', data: Float32Array.from(data), dims }) as const

test('a single target is a number', () => {
  const task = regressor([{ name: 'variable', type: 'float32', shape: ['', 1] }])

  expect(task.decode({ variable: value([0.1, 2], [2, 1]) }, 2)).toEqual([
    { ok: true, output: { prediction: 0.1 } },
    { ok: true, output: { prediction: 2 } },
  ])
})

test('several targets are an array', () => {
  const task = regressor([{ name: 'variable', type: 'float32', shape: ['', 2] }])

  expect(task.decode({ variable: value([1, 2, 3, 4], [2, 2]) }, 2)).toEqual([
    { ok: true, output: { prediction: [1, 2] } },
    { ok: true, output: { prediction: [3, 4] } },
  ])
})

test('what is no number is a string, as the schema says', () => {
  const task = regressor([{ name: 'variable', type: 'float32', shape: [''] }])

  const [result] = task.decode({ variable: value([NaN], [1]) }, 1)

  expect(result).toEqual({ ok: true, output: { prediction: 'NaN' } })
  expect(z.fromJSONSchema(task.outputSchema).safeParse({ prediction: 'NaN' }).success).toBe(true)
  expect(z.fromJSONSchema(task.outputSchema).safeParse({ prediction: 'much' }).success).toBe(false)
})

test('an output of the wrong size is an error of every row', () => {
  const task = regressor([{ name: 'variable', type: 'float32', shape: ['', 1] }])

  expect(task.decode({ variable: value([1], [1, 1]) }, 2)[1]).toEqual({
    ok: false,
    code: 'invalid_output',
    detail: 'output variable does not have the same elements for each row',
  })
})

test('the YAML says which of several outputs is meant', () => {
  const outputs: OutputInfo[] = [
    { name: 'mean', type: 'float32', shape: [''] },
    { name: 'spread', type: 'float32', shape: [''] },
  ]

  expect(regressor(outputs, 'output: { value: spread }').outputNames).toEqual(['spread'])
  expect(() => regressor(outputs)).toThrow(
    "can't tell which output has the value: mean, spread; say it in model.yaml, e.g. output: { value: mean }",
  )
})
