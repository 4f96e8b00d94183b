import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { readModelSettings } from '../../repository/read-model-settings.ts'
import { findRowLayout } from '../../tensors/row-layout.ts'
import type { Axis, ElementType, TensorInfo } from '../../tensors/tensor.ts'
import { planColumns } from './tabular-columns.ts'
import { encodeTabular, tabularInputSchema } from './tabular-input.ts'

const input = (name: string, shape: Axis[], type: ElementType = 'float32'): TensorInfo => ({
  name,
  type,
  shape,
})

const plan = (inputs: TensorInfo[], yaml = '') => {
  const settings = readModelSettings(`task: tabular-regression\n${yaml}`)
  if (settings.task !== 'tabular-regression') throw new Error('another task was read')
  return planColumns({ features: settings.features, inputs, layout: findRowLayout({ inputs, outputs: [] }) })
}

const houses = () =>
  plan(
    [input('size', ['', 1]), input('rooms', ['', 1], 'int64'), input('state', ['', 1], 'string')],
    `features:
      - { name: size, missing: allow }
      - rooms
      - { name: condition, input: state, enum: [poor, good] }`,
  )

test('a matrix takes its features by position and by name', () => {
  const matrix = plan([input('x', ['', 3])], 'features: [a, b, c]')

  const { groups } = encodeTabular([{ features: [1, 2, 3] }, { features: { c: 6, b: 5, a: 4 } }], matrix)

  expect(groups).toEqual([
    {
      positions: [0, 1],
      feeds: { x: { type: 'float32', data: Float32Array.of(1, 2, 3, 4, 5, 6), dims: [2, 3] } },
    },
  ])
})

test('one input a column takes each feature to its own', () => {
  const { groups } = encodeTabular(
    [{ features: [null, 3, 'poor'] }, { features: { size: 80.5, rooms: 4, condition: 'good' } }],
    houses(),
  )

  expect(groups[0]?.feeds).toEqual({
    size: { type: 'float32', data: Float32Array.of(NaN, 80.5), dims: [2, 1] },
    rooms: { type: 'int64', data: BigInt64Array.of(3n, 4n), dims: [2, 1] },
    state: { type: 'string', data: ['poor', 'good'], dims: [2, 1] },
  })
})

test('without features in the YAML, inputs of one column give the names', () => {
  const { columns } = plan([input('size', ['', 1]), input('rooms', [''], 'int64')])

  expect(columns.map((column) => column.name)).toEqual(['size', 'rooms'])
})

test('without features in the YAML, a matrix is taken by position only', () => {
  const matrix = plan([input('x', ['', 2])])

  expect(tabularInputSchema(matrix)).toMatchObject({
    properties: { features: { type: 'array', minItems: 2, maxItems: 2 } },
  })
  expect(encodeTabular([{ features: { a: 1, b: 2 } }], matrix).problems.get(0)).toEqual({
    pointer: '/features',
    detail: 'must be an array',
  })
})

test('several features may share an input beside another', () => {
  const mixed = plan(
    [input('numbers', ['', 2]), input('words', ['', 1], 'string')],
    'features: [{ name: a, input: numbers }, { name: w, input: words }, { name: b, input: numbers }]',
  )

  const { groups } = encodeTabular([{ features: [1, 'x', 2] }], mixed)

  expect(groups[0]?.feeds).toMatchObject({ numbers: { data: Float32Array.of(1, 2) }, words: { data: ['x'] } })
})

test.each([
  [[1], '', 'must be an object like {"features": […3 values…]}'],
  [{}, '', 'must be an object like {"features": […3 values…]}'],
  [{ features: [1, 2, 'poor'], id: 7 }, '', 'must have no other key than features'],
  [{ features: 5 }, '/features', 'must be an array or an object'],
  [{ features: [1, 2] }, '/features', 'must have 3 values'],
  [{ features: { size: 1, rooms: 2 } }, '/features', 'lacks condition'],
  [
    { features: { size: 1, rooms: 2, condition: 'poor', secret: 1 } },
    '/features',
    'has a feature that this model does not know; it knows size, rooms, condition',
  ],
  [{ features: ['1', 2, 'poor'] }, '/features/0', 'must be a number'],
  [{ features: [1e39, 2, 'poor'] }, '/features/0', 'is too large for float32'],
  [{ features: [1, null, 'poor'] }, '/features/1', 'must be an integer, or a string of digits'],
  [
    { features: { size: 1, rooms: 2, condition: 'secret' } },
    '/features/condition',
    'must be one of poor, good',
  ],
])('%j is refused with a pointer and without its values', (row, pointer, detail) => {
  expect(encodeTabular([row], houses()).problems.get(0)).toEqual({ pointer, detail })
})

test('a row that is wrong leaves its place to the next', () => {
  const { groups, problems } = encodeTabular(
    [{ features: [1, 1, 'poor'] }, { features: [2, 2, 'none'] }, { features: [3, 3, 'good'] }],
    houses(),
  )

  expect([...problems.keys()]).toEqual([1])
  expect(groups[0]?.positions).toEqual([0, 2])
  expect(groups[0]?.feeds).toMatchObject({
    size: { data: Float32Array.of(1, 3), dims: [2, 1] },
    state: { data: ['poor', 'good'] },
  })
})

test.each([
  [[input('x', ['', 3])], 'features: [a, b]', 'features: there are 2 for the input x, which has 3 columns'],
  [[input('x', ['', 2])], 'features: [a, a]', 'features: a is listed twice'],
  [[input('x', ['', 2])], 'features: [a, __proto__]', "features: __proto__ can't be a feature"],
  [
    [input('x', ['', 2, 2])],
    '',
    'a tabular model takes [rows] or [rows, columns], and this one takes x [?, 2, 2]',
  ],
  [
    [input('x', ['', ''])],
    '',
    'list the features in model.yaml: which they are is not clear from the inputs (x [?, ?])',
  ],
  [[input('x', ['']), input('y', [''])], 'features: [x]', 'features: none is for the input y'],
  [
    [input('x', ['']), input('y', [''])],
    'features: [x, z]',
    'features: z has no input z; say which of x, y it is for with { name: z, input: … }',
  ],
  [
    [input('x', [''], 'int64')],
    'features: [{ name: a, type: number }]',
    "features: a can't be of type number, since its input holds int64",
  ],
  [
    [input('x', [''], 'int64')],
    'features: [{ name: a, missing: allow }]',
    "features: a can't be missing, since its input holds int64, which has no NaN",
  ],
  [
    [input('x', [''])],
    'features: [{ name: a, enum: [low] }]',
    'features: a has an enum value that does not fit its input: low must be a number',
  ],
])('features that do not fit the inputs are refused', (inputs, yaml, reason) => {
  expect(() => plan(inputs, yaml)).toThrow(reason)
})

test('the schema, as the API reads it, accepts exactly what can be encoded', () => {
  const shapes = [
    { shape: houses(), valid: [[1.5, 2, 'poor'], { size: null, rooms: '12', condition: 'good' }] },
    {
      shape: plan([input('x', ['', 2])], 'features: [a, { name: b, type: integer }]'),
      valid: [[1.5, 2], { a: 1, b: 2 }],
    },
    { shape: plan([input('x', ['', 2])]), valid: [[1.5, 2.5]] },
  ]
  const value = fc.oneof(
    fc.double(),
    fc.integer(),
    fc.constantFrom('poor', 'good', 'bad', null, true, 1e39, '12', 2 ** 53, {}, []),
  )
  for (const { shape, valid } of shapes) {
    const names = shape.columns.map((column, index) => column.name ?? String(index))
    const byName = Object.fromEntries([...names, 'other'].map((name) => [name, value]))
    const row = fc.oneof(
      fc.record({ features: fc.array(value, { minLength: names.length - 1, maxLength: names.length + 1 }) }),
      fc.record({ features: fc.record(byName, { requiredKeys: names }) }),
      fc.record({ features: fc.record(byName, { requiredKeys: [] }) }),
      fc.record({ features: fc.constantFrom(...valid), other: value }, { requiredKeys: ['features'] }),
      fc.record({ features: value }, { requiredKeys: [] }),
      value,
    )
    const validator = z.fromJSONSchema(tabularInputSchema(shape))
    fc.assert(
      fc.property(row, (candidate) => {
        expect(encodeTabular([candidate], shape).problems.size === 0).toBe(
          validator.safeParse(candidate).success,
        )
      }),
      { numRuns: 2000 },
    )
  }
})
