import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { buildOnnx } from '../onnx-file/fixtures/build-onnx.ts'
import type { ModelSpec, NodeSpec } from '../onnx-file/fixtures/build-onnx.ts'
import { readModelSettings } from '../repository/read-model-settings.ts'
import { loadModel } from './load-model.ts'
import { RunFailed } from './run-failed.ts'

const testModels = fileURLToPath(new URL('../../../../tests/models', import.meta.url))
let dir = ''

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onqueue-load-'))
})

afterAll(() => rm(dir, { recursive: true }))

const loadFile = (onnxPath: string, yaml = '') =>
  loadModel({ name: 'm', version: '1', digest: '', dir, onnxPath, settings: readModelSettings(yaml) }, 1)

const loadTestModel = (name: string, yaml = '') => loadFile(join(testModels, name, 'model.onnx'), yaml)

const loadBytes = async (bytes: Uint8Array | string, yaml = '') => {
  const path = join(dir, 'model.onnx')
  await writeFile(path, bytes)
  return loadFile(path, yaml)
}

const load = (spec: ModelSpec, yaml = '') => loadBytes(buildOnnx(spec), yaml)

const x = (shape: (number | string)[] = ['N', 3], type: ModelSpec['inputs'][0]['type'] = 'float32') => ({
  name: 'x',
  type,
  shape,
})
const y = (shape: (number | string)[] = ['N', 3], type: ModelSpec['inputs'][0]['type'] = 'float32') => ({
  name: 'y',
  type,
  shape,
})
const node = (op: string, integers: Record<string, number> = {}, inputs = ['x']) => ({
  op,
  inputs,
  outputs: ['y'],
  integers,
})

test('rows of a model that treats them one by one share a run', async () => {
  const { loaded, served } = await load({
    inputs: [x()],
    nodes: [node('Softmax', { axis: 1 })],
    outputs: [y()],
  })

  expect(loaded.found.batching).toEqual({ enabled: true, maxRows: 64, reason: null })
  expect(await served.run([{ x: [0, 0, 0] }, { x: [1, 1, 1000] }])).toEqual([
    { ok: true, output: { y: [0.33333334, 0.33333334, 0.33333334] } },
    { ok: true, output: { y: [0, 0, 1] } },
  ])
})

test('a model that makes the answer of a row of other rows is given whole tensors', async () => {
  const { loaded, served } = await loadTestModel('softmax-axis0')

  expect(loaded.found.batching).toMatchObject({
    enabled: false,
    maxRows: 1,
    reason: "its first axis is not one of rows: a row's answer changes with the rows beside it",
  })
  expect(await served.run([{ x: [[1, 2, 3]] }, { x: [[1], [1]].map(() => [5, 6, 7]) }])).toEqual([
    { ok: true, output: { y: [[1, 1, 1]] } },
    { ok: true, output: { y: Array(2).fill([0.5, 0.5, 0.5]) } },
  ])
})

test.each(['first', 'none'] as const)('rows: %s in model.yaml is the last word', async (rows) => {
  const { loaded } = await loadTestModel('softmax-axis0', `rows: ${rows}`)
  const plain = await loadTestModel('two-inputs', `rows: ${rows}`)
  const exampleOf = ({ loaded: { found } }: typeof plain) => JSON.stringify(found.example)

  expect(loaded.found.batching.enabled).toBe(false)
  expect(loaded.found.batching.reason).toMatch(
    rows === 'none' ? 'rows in model.yaml is none' : /^rows are not independent/,
  )
  expect(plain.loaded.found.batching.enabled).toBe(rows === 'first')
  expect(exampleOf(plain)).toMatch(rows === 'none' ? /"a":\[\[/ : /"a":\[-?\d/)
})

const loss: NodeSpec = { op: 'ReduceSum', inputs: ['p'], outputs: ['z'], integers: { keepdims: 0 } }
const largest: NodeSpec = { op: 'ArgMax', inputs: ['p'], outputs: ['z'], integers: { axis: 1, keepdims: 0 } }

test.each([
  ['a loss beside it', loss, 'float32'],
  ['a label before it', largest, 'int64'],
] as const)('a softmax over the first axis is seen with %s', async (_, beside, type) => {
  const { loaded, served } = await load({
    inputs: [x()],
    nodes: [{ op: 'Softmax', inputs: ['x'], outputs: ['p'], integers: { axis: 0 } }, beside],
    outputs: [
      { name: 'z', type, shape: type === 'int64' ? ['N'] : [] },
      { name: 'p', type: 'float32', shape: ['N', 3] },
    ],
  })

  expect(loaded.found.batching.reason).toMatch(/^its first axis is not one of rows: a row's answer/)
  expect(
    await served.run([
      {
        x: [
          [1, 2, 3],
          [1, 2, 3],
        ],
      },
    ]),
  ).toMatchObject([{ ok: true, output: { p: Array(2).fill([0.5, 0.5, 0.5]) } }])
})

test('where one row can not be run and whole tensors can, they are whole', async () => {
  const { loaded, served } = await load({
    inputs: [x(['n'])],
    nodes: [
      { op: 'Constant', inputs: [], outputs: ['third'], integers: { value_int: 2 } },
      { op: 'Gather', inputs: ['x', 'third'], outputs: ['y'] },
    ],
    outputs: [y([])],
  })

  expect(loaded.found.batching.reason).toMatch(/^its first axis is not one of rows: one row can't be run/)
  expect(await served.run([{ x: [1, 2, 3, 4] }])).toEqual([{ ok: true, output: { y: 3 } }])
})

test('of a fixed number of rows some output has none: that is no number of rows', async () => {
  const { served } = await load({
    inputs: [x([4, 2])],
    nodes: [node('ReduceSum', { keepdims: 0 }), { op: 'Identity', inputs: ['x'], outputs: ['same'] }],
    outputs: [y([]), { name: 'same', type: 'float32', shape: [4, 2] }],
  })

  expect(await served.run([{ x: Array(4).fill([1, 2]) }])).toMatchObject([{ ok: true, output: { y: 12 } }])
})

test('a model that answers at random keeps its rows, which run alone', async () => {
  const { loaded, served } = await load({
    inputs: [x()],
    nodes: [node('RandomNormalLike')],
    outputs: [y()],
  })

  expect(loaded.found.batching.reason).toBe('its output y is another each time that a row runs')
  expect(await served.run([{ x: [1, 2, 3] }])).toMatchObject([{ ok: true }])
})

test('an output that has other axes for other rows has any', async () => {
  const { loaded, served } = await load({
    inputs: [x()],
    nodes: [
      node('ReduceMax', { keepdims: 1 }, ['x']),
      { op: 'Squeeze', inputs: ['x'], outputs: ['z'] },
    ].slice(1),
    outputs: [{ name: 'z', type: 'float32', shape: [] }],
  })
  const fits = z.fromJSONSchema(loaded.found.outputSchema)

  for (const rows of [
    [[1, 2, 3]],
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
  ]) {
    const [result] = await served.run([{ x: rows }])
    expect(fits.safeParse(result?.ok && result.output).success).toBe(true)
  }
})

test('rows: first holds where the file names the first axes differently, and says where it can not hold', async () => {
  const spec = (shape: (number | string)[]): ModelSpec => ({
    inputs: [x(['a', 2]), { name: 'w', type: 'float32', shape }],
    nodes: [node('Add', {}, ['x', 'w'])],
    outputs: [y(['a', 2])],
  })

  const held = await load(spec(['b', 2]), 'rows: first')
  const inVain = await load(spec([2]), 'rows: first')

  expect(held.loaded.found.batching.enabled).toBe(true)
  expect(await held.served.run([{ x: [1, 2], w: [3, 4] }])).toEqual([{ ok: true, output: { y: [4, 6] } }])
  expect(inVain.loaded.found.warnings).toEqual([
    'rows in model.yaml has no effect: its inputs have first axes of different lengths',
  ])
})

test('a vector of features is no tabular model', async () => {
  await expect(
    load({ inputs: [x([4])], nodes: [node('Identity')], outputs: [y([4])] }, 'task: tabular-regression'),
  ).rejects.toThrow('a tabular model takes [rows] or [rows, columns], and this one takes x [4]')
})

test('an example of whole tensors says that they are', async () => {
  const example = '{ x: [[1, 2, 3], [4, 5, 6]] }'
  const { loaded } = await loadTestModel('softmax-axis0', `example: ${example}`)
  const plain = await load(
    { inputs: [x()], nodes: [node('Identity')], outputs: [y()] },
    `example: ${example}`,
  )

  for (const { found } of [loaded, plain.loaded]) {
    expect(found.example).toEqual({
      x: [
        [1, 2, 3],
        [4, 5, 6],
      ],
    })
  }
  expect(plain.loaded.found.batching.reason).toBe('the example in model.yaml is of whole tensors')
})

test('an example of one row says that there are rows', async () => {
  const { loaded } = await loadTestModel('softmax-axis0', 'example: { x: [1, 2, 3] }')

  expect(loaded.found.example).toEqual({ x: [1, 2, 3] })
  expect(loaded.found.batching).toMatchObject({ enabled: false, maxRows: 1 })
})

test('rows that change each other a little keep apart, unless model.yaml has the operator’s word for it', async () => {
  // as much as rows of a model that is quantised as it runs: by the largest number of all of them
  const spec: ModelSpec = {
    inputs: [x()],
    constants: [{ name: 'little', floats: [0.001] }],
    nodes: [
      { op: 'ReduceMax', inputs: ['x'], outputs: ['largest'], integers: { keepdims: 1 } },
      { op: 'Mul', inputs: ['largest', 'little'], outputs: ['noise'] },
      { op: 'Add', inputs: ['x', 'noise'], outputs: ['y'] },
    ],
    outputs: [y()],
  }

  const apart = await load(spec)
  const together = await load(spec, 'batching: { rows: independent }')

  expect(apart.loaded.found.batching.reason).toMatch(
    /^rows are not independent: output y of a row changes by up to \S+ % when other rows run with it$/,
  )
  expect(await apart.served.run([{ x: [1, 2, 3] }])).toMatchObject([{ ok: true }])
  expect(together.loaded.found.batching).toEqual({ enabled: true, maxRows: 64, reason: null })
  expect(together.loaded.found.warnings).toEqual([
    expect.stringMatching(
      /changes by up to .* they share runs since model\.yaml says so \(batching\.rows\)$/,
    ),
  ])
})

test('a model that is right up to some number of rows is not given more', async () => {
  const onnxPath = join(testModels, '../models-as-exported/leak-beyond-the-proof/model.onnx')
  const { loaded, served } = await loadFile(onnxPath)
  const rows = Array.from({ length: 40 }, (_, index) => ({ x: [index, -index] }))

  expect(loaded.found.batching).toEqual({ enabled: true, maxRows: 16, reason: null })
  expect(await served.run(rows)).toEqual(rows.map((row) => ({ ok: true, output: { y: row.x } })))
})

test('for files as many rows are proven as are to run together, or the most of them that are right', async () => {
  const atMost = async (onnxPath: string, yaml: string) => {
    const settings = readModelSettings(yaml)
    const definition = { name: 'm', version: '1', digest: '', dir, onnxPath, settings }
    const { loaded } = await loadModel(definition, 1, { proveRows: 1024 })
    return loaded.found.batching.maxRows
  }
  const echo = join(testModels, 'echo/model.onnx')
  const leak = join(testModels, '../models-as-exported/leak-beyond-the-proof/model.onnx')

  expect(await atMost(echo, 'batching: { max_rows: 8 }')).toBe(1024)
  expect(await atMost(leak, '')).toBe(16)
  expect(await atMost(echo, 'batching: { max_rows: 1 }')).toBe(1)
})

test('a model that gives every row the same can prove nothing, so its rows run alone', async () => {
  const { loaded } = await load({
    inputs: [x()],
    constants: [{ name: 'zero', floats: [0] }],
    nodes: [node('Mul', {}, ['x', 'zero'])],
    outputs: [y()],
  })

  expect(loaded.found.batching.enabled).toBe(false)
  expect(loaded.found.batching.reason).toMatch('all sample rows got the same output')
})

test('where no output has an axis for rows, tensors are whole', async () => {
  const { loaded, served } = await loadTestModel('scalar-free')

  expect(loaded.found.batching.reason).toBe(
    'its first axis is not one of rows: its output total has no axis for rows',
  )
  expect(await served.run([{ x: [[1, 2, 3]] }, { x: [[4, 5, 6]] }])).toEqual([
    { ok: true, output: { total: 6 } },
    { ok: true, output: { total: 15 } },
  ])
})

test('an output whose first axis turns out to be another is given whole', async () => {
  const { loaded, served } = await load({
    inputs: [x()],
    nodes: [node('Unique', { sorted: 1 }), { op: 'Identity', inputs: ['x'], outputs: ['same'] }],
    outputs: [y(['U']), { name: 'same', type: 'float32', shape: ['N', 3] }],
  })

  expect(loaded.found.batching.reason).toBe('its output y has no axis for rows')
  expect(await served.run([{ x: [3, 1, 2] }])).toEqual([
    { ok: true, output: { y: [1, 2, 3], same: [3, 1, 2] } },
  ])
})

test('an output that the task has no use for does not keep rows apart', async () => {
  const spec: ModelSpec = {
    inputs: [x()],
    nodes: [
      { op: 'ReduceSum', inputs: ['x'], outputs: ['total'], integers: { keepdims: 0 } },
      { op: 'ReduceMax', inputs: ['x', 'axes'], outputs: ['y'], integers: { keepdims: 0 } },
      { op: 'Constant', inputs: [], outputs: ['axes'], integerLists: { value_ints: [1] } },
    ].toReversed(),
    outputs: [y(['N']), { name: 'total', type: 'float32', shape: [] }],
  }

  expect((await load(spec)).loaded.found.batching.enabled).toBe(false)
  const { loaded, served } = await load(spec, 'task: tabular-regression\noutput: { value: y }')
  expect(loaded.found.batching.enabled).toBe(true)
  expect(await served.run([{ features: [1, 7, 3] }])).toEqual([{ ok: true, output: { prediction: 7 } }])
})

test('a run of a fixed number of rows is filled up', async () => {
  const { loaded, served } = await loadTestModel('fixed-eight')
  const rows = Array.from({ length: 11 }, (_, index) => ({ x: [index, 0, 0, 1] }))

  const results = await served.run(rows)

  expect(loaded.found.batching).toMatchObject({ enabled: true, maxRows: 8 })
  expect(results).toEqual(rows.map((_, index) => ({ ok: true, output: { y: [index + 4.5, index - 1.5] } })))
})

test('a fixed number of rows that depend on each other are none', async () => {
  const { loaded, served } = await load({
    inputs: [x([4, 2])],
    nodes: [node('Softmax', { axis: 0 })],
    outputs: [y([4, 2])],
  })

  expect(loaded.found.batching).toMatchObject({ enabled: false, maxRows: 1 })
  expect(await served.run([{ x: Array(4).fill([1, 2]) }])).toEqual([
    { ok: true, output: { y: Array(4).fill([0.25, 0.25]) } },
  ])
})

test('what a run of a fixed number of rows gives as a whole is no answer to the only row that was asked for', async () => {
  const { served } = await load(
    { inputs: [x([4, 2])], nodes: [node('ReduceSum', { keepdims: 0 })], outputs: [y([])] },
    'task: tabular-regression',
  )

  expect(await served.run([{ features: [1, 2] }])).toEqual([
    { ok: false, code: 'invalid_output', detail: 'output y does not have the same elements for each row' },
  ])
})

test('a first axis fixed to one row runs row by row', async () => {
  const { loaded, served } = await loadTestModel('fixed-one')

  expect(loaded.found.batching).toMatchObject({
    enabled: false,
    maxRows: 1,
    reason: 'its first axis is fixed to one row',
  })
  expect(await served.run([{ x: [1, 1, 1, 1] }, { x: [0, 0, 0, 0] }])).toEqual([
    { ok: true, output: { y: [10.5, -0.5] } },
    { ok: true, output: { y: [0.5, -0.5] } },
  ])
})

test('the description has an example that is valid and schemas that the output fits', async () => {
  const { loaded, served } = await loadTestModel('two-inputs')

  expect(z.fromJSONSchema(loaded.found.inputSchema).safeParse(loaded.found.example).success).toBe(true)
  const [result] = await served.run([loaded.found.example])
  expect(result?.ok && z.fromJSONSchema(loaded.found.outputSchema).safeParse(result.output).success).toBe(
    true,
  )
  expect(loaded.timing.batchRows).toBe(64)
  expect(loaded.timing.batchMs).toBeGreaterThan(0)
})

test('with missing: allow null is NaN in every input of floats, and in no other', async () => {
  const spec: ModelSpec = {
    inputs: [x(['N', 2]), { name: 'i', type: 'int64', shape: ['N'] }],
    nodes: [node('Identity'), { op: 'Identity', inputs: ['i'], outputs: ['j'] }],
    outputs: [y(['N', 2]), { name: 'j', type: 'int64', shape: ['N'] }],
  }
  const { loaded, served } = await load(spec, 'missing: allow')
  const strict = await load(spec)

  expect(
    await served.run([
      { x: [1, null], i: 1 },
      { x: [1, 2], i: null },
    ]),
  ).toMatchObject([
    { ok: true, output: { y: [1, 'NaN'], j: 1 } },
    { ok: false, code: 'invalid_input' },
  ])
  const rows = z.fromJSONSchema(loaded.found.inputSchema)
  expect(rows.safeParse({ x: [1, null], i: 1 }).success).toBe(true)
  expect(rows.safeParse({ x: [1, 2], i: null }).success).toBe(false)
  expect(await strict.served.run([{ x: [1, null], i: 1 }])).toMatchObject([
    { ok: false, code: 'invalid_input' },
  ])

  const tabular = await load(
    { inputs: [x(['N', 2])], nodes: [node('Identity')], outputs: [y(['N', 2])] },
    'task: tabular-regression\nmissing: allow',
  )
  expect(await tabular.served.run([{ features: [null, 2] }])).toEqual([
    { ok: true, output: { prediction: ['NaN', 2] } },
  ])
})

test('the example of a tabular model has words and integers that its encoders know, each in its column', async () => {
  const onnxPath = join(testModels, '../models-as-exported/columns-with-imputer/model.onnx')

  const { loaded } = await loadFile(onnxPath, 'task: tabular-classification')

  const known = z.tuple([
    z.number(),
    z.number(),
    z.enum(['female', 'male']),
    z.enum(['C', 'Q', 'S']),
    z.int(),
  ])
  expect(z.object({ features: known }).safeParse(loaded.found.example).error).toBe(undefined)
})

test('rows with invalid input fail alone', async () => {
  const { served } = await loadTestModel('two-inputs')

  expect(await served.run([{ a: [1, 2], b: 3 }, { a: [1], b: 3 }, { a: [1, 2], b: '4' }, null])).toEqual([
    { ok: true, output: { total: 6, doubled: 6 } },
    { ok: false, code: 'invalid_input', detail: '/a: must have 2 elements' },
    { ok: true, output: { total: 7, doubled: 8 } },
    { ok: false, code: 'invalid_input', detail: 'must be an object with a, b' },
  ])
})

test('what ONNX Runtime throws on a micro-batch, or on the only row, fails the run', async () => {
  const { served } = await loadTestModel('throws')

  await expect(served.run([{ i: 1 }, { i: 99 }])).rejects.toThrow(RunFailed)
  await expect(served.run([{ i: 99 }])).rejects.toThrow(
    /^the model failed: indices element out of data bounds/,
  )
  expect(await served.run([{ i: 1 }])).toEqual([{ ok: true, output: { value: 10 } }])
})

test('of rows that run alone, the one on which ONNX Runtime throws fails alone', async () => {
  const { served } = await loadTestModel('throws', 'batching: { max_rows: 1 }')

  expect(await served.run([{ i: 1 }, { i: 99 }, { i: 2 }])).toMatchObject([
    { ok: true },
    { ok: false, code: 'inference_failed' },
    { ok: true },
  ])
})

test('a model that no generated row fits is served row by row', async () => {
  const { loaded, served } = await load({
    inputs: [x(['N'], 'int64')],
    constants: [{ name: 'table', floats: [1, 2, 3, 4] }],
    nodes: [
      { op: 'Constant', inputs: [], outputs: ['offset'], integers: { value_int: 5000 } },
      { op: 'Sub', inputs: ['x', 'offset'], outputs: ['index'] },
      { op: 'Gather', inputs: ['table', 'index'], outputs: ['y'] },
    ],
    outputs: [y(['N'])],
  })

  expect(loaded.found.batching.reason).toMatch(
    /^no generated row could be run \(indices element out of data bounds/,
  )
  expect(await served.run([{ x: 5003 }])).toEqual([{ ok: true, output: { y: 4 } }])
})

test('a ZipMap is taken off, and the scores keep the name of its output', async () => {
  const { loaded, served } = await loadTestModel('dict-and-seq')

  expect(loaded.found.warnings).toEqual([])
  expect(await served.run([{ x: [0, 1] }])).toEqual([
    { ok: true, output: { output_label: 'cold', output_probability: [0.75, 0, 0.25] } },
  ])
})

test('a ZipMap gives a classifier its labels', async () => {
  const { served } = await loadTestModel('dict-and-seq', 'task: tabular-classification')

  expect(await served.run([{ features: [1, 1] }])).toEqual([
    { ok: true, output: { prediction: 'hot', probabilities: { cold: 0, hot: 0.75, warm: 0.25 } } },
  ])
})

test('a model with a ZipMap finds its weights beside it too', async () => {
  await writeFile(join(dir, 'model.onnx.data'), new Uint8Array(Float32Array.of(0.25, 0.75).buffer))

  const { served } = await load(
    {
      inputs: [x(['N', 2])],
      externalConstant: { name: 'weights', dims: [2], file: 'model.onnx.data' },
      nodes: [
        { op: 'Mul', inputs: ['x', 'weights'], outputs: ['scores'] },
        {
          op: 'ZipMap',
          domain: 'ai.onnx.ml',
          inputs: ['scores'],
          outputs: ['maps'],
          stringLists: { classlabels_strings: ['no', 'yes'] },
        },
      ],
      outputs: [{ name: 'maps', type: 'float32', shape: [] }],
    },
    'task: tabular-classification',
  )

  expect(await served.run([{ features: [1, 1] }])).toEqual([
    { ok: true, output: { prediction: 'yes', probabilities: null, scores: { no: 0.25, yes: 0.75 } } },
  ])
})

test('NaN and the infinities leave as strings', async () => {
  const { served } = await loadTestModel('nan-out')

  expect(await served.run([{ x: [1, 0] }, { x: [-1, 1] }])).toEqual([
    { ok: true, output: { y: [0, '-Infinity'] } },
    { ok: true, output: { y: ['NaN', 0] } },
  ])
})

test('rows of text may share a run', async () => {
  const { loaded } = await loadTestModel('texts')
  const { loaded: withExample } = await loadTestModel('texts', 'example: { x: [a good film] }')

  expect(loaded.found.batching).toEqual({ enabled: true, maxRows: 64, reason: null })
  expect(withExample.found.batching).toEqual({ enabled: true, maxRows: 64, reason: null })
})

test.each([
  ['float16', [0.5, 65504]],
  ['float64', [0.1, 1e300]],
  ['int64', [5, '9007199254740993']],
  ['uint64', [5, '18446744073709551615']],
  ['uint8', [0, 255]],
  ['bool', [true, false]],
  ['string', ['', 'ä']],
] as const)('elements of type %s go in and out', async (type, values) => {
  const { served } = await load({
    inputs: [x(['N', 2], type)],
    nodes: [node('Identity')],
    outputs: [y(['N', 2], type)],
  })

  expect(await served.run([{ x: values }])).toEqual([{ ok: true, output: { y: values } }])
})

test('weights in a file beside the model are found', async () => {
  await writeFile(join(dir, 'model.onnx.data'), new Uint8Array(Float32Array.of(10, 20, 30).buffer))

  const { served } = await load({
    inputs: [x()],
    externalConstant: { name: 'weights', dims: [3], file: 'model.onnx.data' },
    nodes: [node('Add', {}, ['x', 'weights'])],
    outputs: [y()],
  })

  expect(await served.run([{ x: [1, 2, 3] }])).toEqual([{ ok: true, output: { y: [11, 22, 33] } }])
})

test('a provider that is not there is left out with a warning', async () => {
  const { loaded } = await loadTestModel('two-inputs', 'providers: [abacus, cpu]')

  expect(loaded.found.providers).toEqual(['cpu'])
  expect(loaded.found.warnings[0]).toMatch('execution provider abacus is not in this build')
})

test('without any provider that is there the model is refused', async () => {
  await expect(loadTestModel('two-inputs', 'providers: [abacus]')).rejects.toThrow(
    'none of its execution providers can be used: execution provider abacus is not in this build',
  )
})

test('scores that are no probabilities are given as they are, with a warning', async () => {
  const logits: ModelSpec = { inputs: [x()], nodes: [node('Identity')], outputs: [y()] }

  const { loaded, served } = await load(logits, 'task: tabular-classification\nlabels: [a, b, c]')
  const softmax = await load(logits, 'task: tabular-classification\noutput: { activation: softmax }')

  const warning = expect.stringContaining('its scores are not probabilities, and given as they are')
  expect(loaded.found.warnings).toContainEqual(warning)
  expect(softmax.loaded.found.warnings).not.toContainEqual(warning)
  expect(await served.run([{ features: [7, -5, 2.5] }])).toEqual([
    {
      ok: true,
      output: { prediction: 'a', probabilities: null, scores: { a: 7, b: -5, c: 2.5 } },
    },
  ])
})

test('an example that gets no valid output is warned about', async () => {
  const { loaded } = await load(
    { inputs: [x(['N', 1])], nodes: [node('Identity')], outputs: [y(['N', 1])] },
    'task: tabular-classification\nexample: { features: [7] }',
  )

  expect(loaded.found.warnings).toContain(
    'its example gets no valid output: its score is not a probability; set output.activation',
  )
})

const identity = (type: ModelSpec['inputs'][0]['type']): ModelSpec => ({
  inputs: [x(['N'], type)],
  nodes: [node('Identity')],
  outputs: [y(['N'], type)],
})

test.each([
  ['a file that is no model', 'none of this is a model', 'the file is not an ONNX model, or is cut off'],
  ['an empty file', '', 'the file is empty'],
  [
    'a pointer to a model',
    'version https://git-lfs.github.com/spec/v1',
    'the file is a Git LFS pointer and not the model itself: run git lfs pull, and copy it again',
  ],
  ['half a model with a ZipMap', 'ZipMap', 'the file is not an ONNX model, or is cut off'],
  [
    'an opset from the future',
    buildOnnx({ ...identity('float32'), opset: 99 }),
    'it needs opset 99, and this ONNX Runtime goes up to 26; export it with a lower target opset',
  ],
  [
    'a format from the future',
    buildOnnx({ ...identity('float32'), irVersion: 99 }),
    'its ONNX IR version is 99, and this ONNX Runtime goes up to 13; export it with an older onnx',
  ],
  [
    'weights that are missing',
    buildOnnx({
      inputs: [x()],
      externalConstant: { name: 'weights', dims: [3], file: 'lost.data' },
      nodes: [node('Add', {}, ['x', 'weights'])],
      outputs: [y()],
    }),
    'its weights are in a file of their own that is missing: put lost.data beside model.onnx',
  ],
  [
    'an operator of its own',
    buildOnnx({ ...identity('float32'), nodes: [node('Frobnicate')] }),
    'it uses the operator Frobnicate, which this ONNX Runtime does not have',
  ],
  [
    'a type that JavaScript has not',
    buildOnnx(identity('bfloat16')),
    "an input or output holds bfloat16, which onnxruntime-node can't carry",
  ],
])('%s is refused with a sentence', async (_, bytes, reason) => {
  await expect(loadBytes(bytes)).rejects.toThrow(reason)
})

test('an example that is not valid, or can’t be run, is refused', async () => {
  await expect(loadTestModel('two-inputs', 'example: { a: [1, x], b: 3 }')).rejects.toThrow(
    'its example is not valid: example/a/1 must be a number',
  )
  await expect(loadTestModel('throws', 'example: { i: 99 }')).rejects.toThrow(
    "its example can't be run: indices element out of data bounds",
  )
})

test('what a Scaler knows of its columns is in the example', async () => {
  const { loaded } = await load({
    inputs: [x(['N', 3])],
    nodes: [
      {
        op: 'Scaler',
        domain: 'ai.onnx.ml',
        inputs: ['x'],
        outputs: ['y'],
        floatLists: { offset: [29.699118, 32.2042, 1250], scale: [1, 1, 1] },
      },
    ],
    outputs: [y(['N', 3])],
  })

  expect(loaded.found.example).toEqual({ x: [29.7, 32.2, 1250] })
})
