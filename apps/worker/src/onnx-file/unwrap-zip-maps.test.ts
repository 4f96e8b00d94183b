import { expect, test } from 'vitest'
import { buildOnnx } from './fixtures/build-onnx.ts'
import type { ModelSpec } from './fixtures/build-onnx.ts'
import { graphFields, modelGraphField, readField, readFields, readName, readNode } from './onnx-fields.ts'
import { unwrapZipMaps } from './unwrap-zip-maps.ts'

const classifier = (spec: Partial<ModelSpec> = {}) =>
  buildOnnx({
    inputs: [{ name: 'x', type: 'float32', shape: ['', 2] }],
    nodes: [
      { op: 'Identity', inputs: ['x'], outputs: ['scores'] },
      {
        op: 'ZipMap',
        domain: 'ai.onnx.ml',
        inputs: ['scores'],
        outputs: ['probabilities'],
        stringLists: { classlabels_strings: ['no', 'yes'] },
      },
    ],
    outputs: [{ name: 'probabilities', type: 'float32', shape: [] }],
    ...spec,
  })

const graphOf = (model: Uint8Array) => readField(model, modelGraphField)[0] ?? new Uint8Array()
const outputsOf = (model: Uint8Array) => readField(graphOf(model), graphFields.output).map(readName)
const operatorsOf = (model: Uint8Array) =>
  readField(graphOf(model), graphFields.node).map((node) => readNode(node).opType)

test('a ZipMap at the end is taken off, and its keys are the labels', () => {
  const { model, zipMaps } = unwrapZipMaps(classifier())

  expect(zipMaps).toEqual([{ output: 'probabilities', tensor: 'scores', labels: ['no', 'yes'] }])
  expect(operatorsOf(model)).toEqual(['Identity'])
  expect(outputsOf(model)).toEqual(['scores'])
})

test('integer labels are numbers', () => {
  const { zipMaps } = unwrapZipMaps(
    classifier({
      nodes: [
        {
          op: 'ZipMap',
          domain: 'ai.onnx.ml',
          inputs: ['x'],
          outputs: ['probabilities'],
          integerLists: { classlabels_int64s: [-1, 1] },
        },
      ],
    }),
  )

  expect(zipMaps).toEqual([{ output: 'probabilities', tensor: 'x', labels: [-1, 1] }])
})

test('every other field of the file is kept byte by byte, known or not', () => {
  const unknown = Uint8Array.of(0xa2, 0x3f, 0x03, 1, 2, 3) // field 1012, three bytes
  const before = new Uint8Array([...classifier(), ...unknown])

  const { model } = unwrapZipMaps(before)

  const withoutGraph = (bytes: Uint8Array) =>
    [...readFields(bytes)].filter(({ number }) => number !== modelGraphField).map(({ raw }) => [...raw])
  expect(withoutGraph(model)).toEqual(withoutGraph(before))
  expect(model.slice(-unknown.length)).toEqual(unknown)
})

test('a matrix that is an output already stays one, under its own name', () => {
  const { model, zipMaps } = unwrapZipMaps(
    classifier({
      outputs: [
        { name: 'scores', type: 'float32', shape: ['', 2] },
        { name: 'probabilities', type: 'float32', shape: [] },
      ],
    }),
  )

  expect(zipMaps).toEqual([{ output: 'scores', tensor: 'scores', labels: ['no', 'yes'] }])
  expect(outputsOf(model)).toEqual(['scores'])
})

test('a model without a ZipMap is left as it is', () => {
  const model = classifier({ nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['probabilities'] }] })

  expect(unwrapZipMaps(model)).toEqual({ model, zipMaps: [] })
})
