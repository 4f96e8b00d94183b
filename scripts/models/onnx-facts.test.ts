import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { buildOnnx } from '../../apps/worker/src/onnx-file/fixtures/build-onnx.ts'
import { readOnnxFacts } from './onnx-facts.ts'

const root = join(import.meta.dirname, '../..')
const read = async (path: string) => readOnnxFacts(await readFile(join(root, path, 'model.onnx')))

test('a file tells its tensors, opsets and who made it', async () => {
  expect(await read('models/iris')).toEqual({
    irVersion: 10,
    producer: 'skl2onnx 1.20.0',
    opsets: [
      { domain: 'ai.onnx', version: 21 },
      { domain: 'ai.onnx.ml', version: 1 },
    ],
    inputs: [{ name: 'measurements', type: 'float32', shape: ['', 4] }],
    outputs: [
      { name: 'label', type: 'string', shape: [''] },
      { name: 'probabilities', type: 'float32', shape: ['', 3] },
    ],
    operators: new Set(['LinearClassifier', 'Normalizer']),
    externalFiles: [],
  })
})

test('what is no tensor has its type spelled out', async () => {
  const facts = await read('tests/models-as-exported/zip-map-of-doubles')

  expect(facts?.outputs).toEqual([
    { name: 'output_label', type: 'string', shape: [''] },
    { name: 'output_probability', type: 'sequence(map(string, float64))', shape: null },
  ])
})

test('a shape that the file does not say is none, and a name that is none is no name', async () => {
  expect((await read('tests/models-as-exported/no-shape'))?.inputs).toEqual([
    { name: 'x', type: 'float32', shape: null },
  ])
  expect((await read('tests/models-as-exported/axes-named-question-mark'))?.inputs[0]?.shape).toEqual([
    'N',
    3,
    '',
    '',
  ])
})

test('constants among the inputs, as old files have them, are no inputs', () => {
  const facts = readOnnxFacts(
    buildOnnx({
      inputs: [
        { name: 'x', type: 'float32', shape: ['N', 2] },
        { name: 'w', type: 'float32', shape: [2] },
      ],
      constants: [{ name: 'w', floats: [1, 2] }],
      nodes: [{ op: 'Mul', inputs: ['x', 'w'], outputs: ['y'] }],
      outputs: [{ name: 'y', type: 'float32', shape: ['N', 2] }],
    }),
  )

  expect(facts?.inputs.map(({ name }) => name)).toEqual(['x'])
})

test('files with weights are named', () => {
  const facts = readOnnxFacts(
    buildOnnx({
      inputs: [],
      nodes: [],
      outputs: [],
      externalConstant: { name: 'w', dims: [2], file: 'weights/model.onnx.data' },
    }),
  )

  expect(facts?.externalFiles).toEqual(['weights/model.onnx.data'])
})

test('bytes of anything else are no ONNX file, nor is a part of one', async () => {
  const whole = await readFile(join(root, 'models/iris/model.onnx'))

  expect(readOnnxFacts(Buffer.from('version https://git-lfs.github.com/spec/v1\n'))).toBe(undefined)
  expect(readOnnxFacts(Buffer.alloc(0))).toBe(undefined)
  expect(readOnnxFacts(whole.subarray(0, 300))).toBe(undefined)
})

test('operators of branches and of functions are told with the others', async () => {
  // a function whose node is a Relu
  const withFunction = Buffer.concat([
    await readFile(join(root, 'tests/models/echo/model.onnx')),
    Buffer.from('ca01083a06220452656c75', 'hex'),
  ])

  expect((await read('tests/onnx-backend/cases/test_if'))?.operators).toEqual(new Set(['If', 'Constant']))
  expect(readOnnxFacts(withFunction)?.operators).toContain('Relu')
})

test('an axis of a negative length is one of any length', () => {
  const facts = readOnnxFacts(
    buildOnnx({ inputs: [{ name: 'x', type: 'float32', shape: [-1, 2] }], nodes: [], outputs: [] }),
  )

  expect(facts?.inputs[0]?.shape).toEqual(['', 2])
})

/** A graph with an input x, of a type that is given in hexadecimal, four bytes of it. */
const ofType = (type: string) => Buffer.from(`3a0b5a090a01781204${type}`, 'hex')

test.each([
  ['42020801', 'sparse(float32)'],
  ['0a020810', 'bfloat16'],
  ['0a020811', 'float8e4m3fn'],
  ['0a020818', 'float8e8m0'],
  ['0a020819', 'uint2'],
  ['0a02081a', 'int2'],
  ['0a02087f', 'element type 127'],
])('an input of type %s is told as %s', (type, name) => {
  expect(readOnnxFacts(ofType(type))?.inputs).toEqual([{ name: 'x', type: name, shape: null }])
})
