import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildOnnx } from '../onnx-file/fixtures/build-onnx.ts'
import type { ModelSpec } from '../onnx-file/fixtures/build-onnx.ts'
import { readModelSettings } from '../repository/read-model-settings.ts'
import { loadModel } from './load-model.ts'

let dir = ''

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onqueue-rows-'))
})
afterAll(() => rm(dir, { recursive: true }))

const load = async (spec: ModelSpec, yaml: string) => {
  const onnxPath = join(dir, 'model.onnx')
  await writeFile(onnxPath, buildOnnx(spec))
  return loadModel(
    { name: 'm', version: '1', digest: '', dir, onnxPath, settings: readModelSettings(yaml) },
    1,
  )
}

/** A cumulative sum along the time steps, which come first: of rows it makes nothing. */
const timeMajor = (more: Partial<ModelSpec> = {}): ModelSpec => ({
  inputs: [{ name: 'x', type: 'float32', shape: ['T', 'N', 2] }],
  constants: [{ name: 'axis', integers: [0] }],
  nodes: [
    { op: 'CumSum', inputs: ['x', 'axis0'], outputs: ['y'] },
    { op: 'Squeeze', inputs: ['axis'], outputs: ['axis0'] },
  ].toReversed(),
  outputs: [{ name: 'y', type: 'float32', shape: ['T', 'N', 2] }],
  ...more,
})
const rows = [
  {
    x: [
      [1, 10],
      [2, 20],
    ],
  },
  {
    x: [
      [3, 30],
      [4, 40],
    ],
  },
  { x: [[5, 50]] },
]
const outputs = [
  {
    y: [
      [1, 10],
      [3, 30],
    ],
  },
  {
    y: [
      [3, 30],
      [7, 70],
    ],
  },
  { y: [[5, 50]] },
]

test('rows along another axis than the first are sent without that axis, and share runs', async () => {
  const { loaded, served } = await load(timeMajor(), 'rows: { x: 1 }')

  expect(loaded.found.batching).toEqual({ enabled: true, maxRows: 64, reason: null })
  expect(await served.run(rows)).toEqual(outputs.map((output) => ({ ok: true, output })))
})

test('a model whose file has no names for axes is told those of its outputs, too', async () => {
  const unnamed = timeMajor({
    inputs: [{ name: 'x', type: 'float32', shape: ['', '', 2] }],
    outputs: [{ name: 'y', type: 'float32', shape: ['', '', 2] }],
  })
  const half = await load(unnamed, 'rows: { x: 1 }')
  const { loaded, served } = await load(unnamed, 'rows: { x: 1, y: 1 }')

  expect(half.loaded.found.batching.reason).toBe('its output y has no axis for rows')
  expect(loaded.found.batching.enabled).toBe(true)
  expect(await served.run(rows)).toEqual(outputs.map((output) => ({ ok: true, output })))
})

test('an input that is not named has its rows in front', async () => {
  const { loaded, served } = await load(
    {
      inputs: [
        { name: 'x', type: 'float32', shape: [2, 'N'] },
        { name: 'w', type: 'float32', shape: ['N', 2] },
      ],
      nodes: [
        { op: 'Transpose', inputs: ['x'], outputs: ['t'] },
        { op: 'Mul', inputs: ['t', 'w'], outputs: ['y'] },
      ],
      outputs: [{ name: 'y', type: 'float32', shape: ['N', 2] }],
    },
    'rows: { x: 1 }',
  )

  expect(loaded.found.batching.enabled).toBe(true)
  const inputs = [
    { x: [1, 2], w: [3, 4] },
    { x: [5, 6], w: [7, 8] },
  ]
  expect(await served.run(inputs)).toEqual(
    [{ y: [3, 8] }, { y: [35, 48] }].map((output) => ({ ok: true, output })),
  )
})

test('an input may have any name', async () => {
  const { loaded } = await load(
    {
      inputs: [
        { name: 'x', type: 'float32', shape: [2, 'N'] },
        { name: 'constructor', type: 'float32', shape: ['N', 2] },
      ],
      nodes: [
        { op: 'Transpose', inputs: ['x'], outputs: ['t'] },
        { op: 'Mul', inputs: ['t', 'constructor'], outputs: ['y'] },
      ],
      outputs: [{ name: 'y', type: 'float32', shape: ['N', 2] }],
    },
    'rows: { x: 1 }',
  )

  expect(loaded.found.batching.enabled).toBe(true)
})

test.each([
  ['{ z: 1 }', 'rows in model.yaml names z, which is no input (x) and no output (y)'],
  ['{ x: 3 }', 'rows in model.yaml says axis 3 of x, which is [T, N, 2]: axes are numbered from 0'],
])('%s is refused', async (said, reason) => {
  await expect(load(timeMajor(), `rows: ${said}`)).rejects.toThrow(reason)
})

test.each([
  ['{ x: -1 }', 'model.yaml:1:12: rows.x must be the number of an axis, from 0 on'],
  ['{ x: one }', 'model.yaml:1:12: rows.x must be the number of an axis, from 0 on'],
  ['[1]', 'rows must be auto, first, none, or axes by the names of inputs and outputs, such as { x: 1 }'],
  ['second', 'rows must be auto, first, none, or axes by the names of inputs and outputs, such as { x: 1 }'],
])('%s is no such setting', (said, reason) => {
  expect(() => readModelSettings(`rows: ${said}`)).toThrow(reason)
})
