import { expect, test } from 'vitest'
import { buildOnnx } from './fixtures/build-onnx.ts'
import type { NodeSpec } from './fixtures/build-onnx.ts'
import { readValueHints } from './read-value-hints.ts'

const hintsOf = (...nodes: NodeSpec[]) =>
  readValueHints(
    buildOnnx({
      inputs: [
        { name: 'age', type: 'float32', shape: ['', 1] },
        { name: 'fare', type: 'float32', shape: ['', 1] },
      ],
      nodes,
      outputs: [{ name: 'y', type: 'float32', shape: [''] }],
    }),
  )
const ml = (op: string, more: Partial<NodeSpec>): NodeSpec => ({
  op,
  domain: 'ai.onnx.ml',
  inputs: ['all'],
  outputs: ['y'],
  ...more,
})
const concat: NodeSpec = { op: 'Concat', inputs: ['age', 'scaled'], outputs: ['all'], integers: { axis: 1 } }
const scale: NodeSpec = { op: 'Identity', inputs: ['fare'], outputs: ['scaled'] }

test('words are those of the encoders and vocabularies that an input gets to', () => {
  const { words, integers } = hintsOf(
    ml('OneHotEncoder', { inputs: ['age'], stringLists: { cats_strings: ['male', 'female'] } }),
    ml('LabelEncoder', { inputs: ['scaled'], stringLists: { keys_strings: ['a', 'b'] } }),
    ml('OneHotEncoder', { inputs: ['scaled'], integerLists: { cats_int64s: [1, 3] } }),
    scale,
  )

  expect(words.get('age')).toEqual(['male', 'female'])
  expect(words.get('fare')).toEqual(['a', 'b'])
  expect(integers.get('fare')).toEqual([1, 3])
  expect(integers.get('age')).toBe(undefined)
})

test('thresholds are those of the splits of trees, by feature', () => {
  const { thresholds } = hintsOf(
    ml('TreeEnsembleRegressor', {
      integerLists: { nodes_featureids: [0, 2, 0, 0] },
      floatLists: { nodes_values: [2.5, -1, 1.5, 0] },
      stringLists: { nodes_modes: ['BRANCH_LEQ', 'BRANCH_LEQ', 'BRANCH_LEQ', 'LEAF'] },
    }),
  )

  expect([...thresholds]).toEqual([
    [0, [1.5, 2.5]],
    [2, [-1]],
  ])
})

test('what LightGBM has for zero is zero', () => {
  const { thresholds } = hintsOf(
    ml('TreeEnsembleRegressor', {
      integerLists: { nodes_featureids: [0, 0] },
      floatLists: { nodes_values: [1e-35, 2] },
    }),
  )

  expect(thresholds.get(0)).toEqual([0, 2])
})

test('of many words and thresholds some are taken, from all over the list', () => {
  const many = Array.from({ length: 1000 }, (_, index) => index)
  const { words, thresholds } = hintsOf(
    ml('OneHotEncoder', { stringLists: { cats_strings: many.map(String) } }),
    ml('TreeEnsembleRegressor', {
      integerLists: { nodes_featureids: many.map(() => 0) },
      floatLists: { nodes_values: many },
    }),
  )

  expect(words.get('all')).toHaveLength(64)
  expect(Number(words.get('all')?.at(-1))).toBeGreaterThan(900)
  expect(thresholds.get(0)).toHaveLength(16)
})

test('a value may be missing in what an Imputer gets, or trees that were grown with missing values, at any distance', () => {
  const { missing } = hintsOf(scale, concat, ml('Imputer', { floats: { replaced_value_float: NaN } }))
  const trees = (tracks: number) =>
    ml('TreeEnsembleRegressor', {
      inputs: ['scaled'],
      integerLists: { nodes_missing_value_tracks_true: [0, tracks] },
    })

  expect(missing).toEqual(new Set(['all', 'age', 'scaled', 'fare']))
  expect(hintsOf(scale, concat, ml('Imputer', { floats: { replaced_value_float: -1 } })).missing).toEqual(
    new Set(),
  )
  expect(hintsOf(scale, trees(1)).missing).toEqual(new Set(['scaled', 'fare']))
  expect(hintsOf(scale, trees(0)).missing).toEqual(new Set())
})

test('what a column mostly has about is known by its Imputer, or else by its Scaler', () => {
  const { typical } = hintsOf(
    { op: 'Concat', inputs: ['age', 'scaled'], outputs: ['all'], integers: { axis: 1 } },
    scale,
    ml('Imputer', { outputs: ['whole'], floatLists: { imputed_value_floats: [29.5, 32.25] } }),
    ml('Scaler', { inputs: ['whole'], floatLists: { offset: [1, 2], scale: [1, 1] } }),
  )

  expect(Object.fromEntries(typical)).toEqual({ age: [29.5], fare: [32.25] })
})

test('a Scaler of one input knows all of its columns; behind what makes other columns it knows none', () => {
  const scaler = (input: string) =>
    ml('Scaler', { inputs: [input], outputs: ['z'], floatLists: { offset: [5, 3], scale: [1, 1] } })

  expect([...hintsOf(scaler('age')).typical]).toEqual([['age', [5, 3]]])
  const multiplied: NodeSpec = { op: 'MatMul', inputs: ['age', 'fare'], outputs: ['product'] }
  expect([...hintsOf(multiplied, scaler('product')).typical]).toEqual([])
})

test('however many steps there are before a Scaler, and where they are a cycle, what it knows is read', () => {
  const steps = Array.from({ length: 20_000 }, (_, index): NodeSpec => {
    const input = index === 0 ? 'age' : `step${index - 1}`
    return { op: 'Identity', inputs: [input], outputs: [`step${index}`] }
  })
  const scaler = (input: string) =>
    ml('Scaler', { inputs: [input], outputs: ['z'], floatLists: { offset: [5], scale: [1] } })
  const cycle: NodeSpec[] = [
    { op: 'Identity', inputs: ['b'], outputs: ['a'] },
    { op: 'Identity', inputs: ['a'], outputs: ['b'] },
  ]

  expect([...hintsOf(...steps, scaler('step19999')).typical]).toEqual([['age', [5]]])
  expect([...hintsOf(...cycle, scaler('a')).typical]).toEqual([])
})

test('words are parts of sentences where a vocabulary takes them', () => {
  const { sentences } = hintsOf(
    ml('TfIdfVectorizer', { inputs: ['scaled'], stringLists: { pool_strings: ['good'] } }),
    scale,
  )

  expect(sentences.has('fare')).toBe(true)
  expect(sentences.has('age')).toBe(false)
})
