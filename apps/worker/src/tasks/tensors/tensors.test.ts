import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { chooseTask } from '../choose-task.ts'
import { readModelSettings } from '../../repository/read-model-settings.ts'
import { findRowLayout } from '../../tensors/row-layout.ts'
import type { Signature } from '../../tensors/tensor.ts'

const settings = readModelSettings('')

const taskOf = (signature: Signature) =>
  chooseTask(settings).create({ signature, layout: findRowLayout(signature) })

const words: Signature = {
  inputs: [
    { name: 'ids', type: 'int64', shape: ['N', 'T'] },
    { name: 'mask', type: 'bool', shape: ['N', 'T'] },
  ],
  outputs: [
    { name: 'vector', type: 'float32', shape: ['N', 2] },
    { name: 'length', type: 'int64', shape: ['N'] },
  ],
}

test('a row has every input without the axis of the rows', () => {
  const validator = z.fromJSONSchema(taskOf(words).inputSchema)

  expect(validator.safeParse({ ids: [1, '9007199254740993'], mask: [true, false] }).success).toBe(true)
  expect(validator.safeParse({ ids: [1] }).success).toBe(false)
  expect(validator.safeParse({ ids: [1], mask: [true], more: 1 }).success).toBe(false)
  expect(validator.safeParse({ ids: [], mask: [] }).success).toBe(false)
})

test('rows of one shape are stacked', async () => {
  const { groups, problems } = await taskOf(words).encode([
    { ids: [1, 2], mask: [true, true] },
    { ids: [3, 4], mask: [true, false] },
  ])

  expect(problems.size).toBe(0)
  expect(groups).toEqual([
    {
      positions: [0, 1],
      feeds: {
        ids: { type: 'int64', data: BigInt64Array.of(1n, 2n, 3n, 4n), dims: [2, 2] },
        mask: { type: 'bool', data: Uint8Array.of(1, 1, 1, 0), dims: [2, 2] },
      },
    },
  ])
})

test('rows of different shapes are grouped', async () => {
  const { groups } = await taskOf(words).encode([
    { ids: [1, 2], mask: [true, true] },
    { ids: [3], mask: [true] },
    { ids: [4, 5], mask: [true, true] },
  ])

  expect(groups.map((group) => group.positions)).toEqual([[0, 2], [1]])
})

test('a row that is wrong does not touch the others', async () => {
  const { groups, problems } = await taskOf(words).encode([
    { ids: [1, 'x'], mask: [true, true] },
    { ids: [3, 4], mask: [true, true] },
  ])

  expect([...problems]).toEqual([
    [0, { pointer: '/ids/1', detail: 'must be an integer, or a string of digits' }],
  ])
  expect(groups).toMatchObject([
    { positions: [1], feeds: { ids: { data: BigInt64Array.of(3n, 4n), dims: [1, 2] } } },
  ])
})

test.each([
  [5, { pointer: '', detail: 'must be an object with ids, mask' }],
  [{ ids: [1] }, { pointer: '', detail: 'lacks mask' }],
  [
    { ids: [1], mask: [true], secret: 1 },
    { pointer: '', detail: 'has a key that is no input of this model; inputs: ids, mask' },
  ],
  [
    { ids: [1], mask: [true, true] },
    { pointer: '/mask', detail: 'must have 1 elements, as another T axis has' },
  ],
])('what is wrong with a row is told with a pointer', async (row, problem) => {
  const { problems } = await taskOf(words).encode([row])

  expect(problems.get(0)).toEqual(problem)
})

test('an output has a slice for each row', () => {
  const results = taskOf(words).decode(
    {
      vector: { type: 'float32', data: Float32Array.of(0.1, NaN, 3, Infinity), dims: [2, 2] },
      length: { type: 'int64', data: BigInt64Array.of(7n, 2n ** 60n), dims: [2] },
    },
    2,
  )

  expect(results).toEqual([
    { ok: true, output: { vector: [0.1, 'NaN'], length: 7 } },
    { ok: true, output: { vector: [3, 'Infinity'], length: '1152921504606846976' } },
  ])
  const validator = z.fromJSONSchema(taskOf(words).outputSchema)
  expect(results.map((result) => result.ok && validator.safeParse(result.output).success)).toEqual([
    true,
    true,
  ])
})

test('an output that lacks rows is an error of every row', () => {
  const tensor = { type: 'float32', data: Float32Array.of(1, 2), dims: [1, 2] } as const
  const length = { type: 'int64', data: BigInt64Array.of(1n), dims: [1] } as const

  expect(taskOf(words).decode({ vector: tensor, length }, 2)).toEqual([
    { ok: false, code: 'invalid_output', detail: 'output vector does not have one element for each row' },
    { ok: false, code: 'invalid_output', detail: 'output vector does not have one element for each row' },
  ])
})

test('without an axis for rows, a row is the whole of each input and output', async () => {
  const task = taskOf({
    inputs: [
      { name: 'samples', type: 'float32', shape: ['N', 2] },
      { name: 'rate', type: 'int64', shape: [] },
    ],
    outputs: [{ name: 'speech', type: 'float32', shape: ['N', 1] }],
  })

  const { groups } = await task.encode([{ samples: [[1, 2]], rate: 16000 }])

  expect(groups[0]?.feeds).toEqual({
    samples: { type: 'float32', data: Float32Array.of(1, 2), dims: [1, 2] },
    rate: { type: 'int64', data: BigInt64Array.of(16000n), dims: [] },
  })
  expect(task.decode({ speech: { type: 'float32', data: Float32Array.of(0.5), dims: [1, 1] } }, 1)).toEqual([
    { ok: true, output: { speech: [[0.5]] } },
  ])
})

test('whatever can be encoded is valid by the schema', async () => {
  const task = taskOf(words)
  const validator = z.fromJSONSchema(task.inputSchema)
  const list = (element: fc.Arbitrary<unknown>) => fc.array(element, { maxLength: 2 })
  const id = fc.oneof(fc.integer(), fc.constantFrom('12', '-1', 'x', 1.5, null, 2 ** 60))
  const flag = fc.oneof(fc.boolean(), fc.constant(1))
  const row = fc.record(
    { ids: fc.oneof(list(id), list(list(id))), mask: list(flag), other: fc.nat() },
    { requiredKeys: ['ids', 'mask'] },
  )

  await fc.assert(
    fc.asyncProperty(row, async (candidate) => {
      const isEncoded = (await task.encode([candidate])).problems.size === 0
      expect(!isEncoded || validator.safeParse(candidate).success).toBe(true)
    }),
    { numRuns: 5000 },
  )
})
