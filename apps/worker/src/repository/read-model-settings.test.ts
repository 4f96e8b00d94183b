import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { modelSettingsJsonSchema, readModelSettings } from './read-model-settings.ts'

const refusalOf = (text: string) => {
  try {
    readModelSettings(text)
  } catch (err) {
    return err instanceof Error ? err.message : err
  }
  throw new Error('these settings were accepted')
}

test('everything has a default', () => {
  expect(readModelSettings('# nothing but a comment')).toEqual({
    description: '',
    task: 'tensors',
    rows: 'auto',
    output: { activation: 'none' },
    batching: { max_rows: 64, max_wait_ms: 2 },
    instances: 'auto',
    threads: 'auto',
    timeout_s: 30,
    attempts: 3,
    batch: { executor: 'own' },
    providers: ['cpu'],
  })
})

test('a feature is a name or a mapping', () => {
  const settings = readModelSettings(`
    task: tabular-regression
    features: [a, { name: b, input: x, type: integer, enum: [1, 2] }, { name: c, missing: allow }]
  `)

  expect(settings).toHaveProperty('features', [
    'a',
    { name: 'b', input: 'x', type: 'integer', enum: [1, 2] },
    { name: 'c', missing: 'allow' },
  ])
})

test('an unknown key is refused with its place and the nearest key', () => {
  expect(refusalOf('description: x\nfeature: [a]\n')).toBe(
    'model.yaml:2:1: feature is not a setting; did you mean features?',
  )
  expect(refusalOf('batching:\n  max_row: 3\n')).toBe(
    'model.yaml:2:3: batching.max_row is not a setting; did you mean max_rows?',
  )
  expect(refusalOf('task: tabular-regression\nfeatures:\n  - { name: b, imput: c }\n')).toBe(
    'model.yaml:3:16: features.0.imput is not a setting; did you mean input?',
  )
})

test('an unknown key that is like no other is refused with those that there are', () => {
  expect(refusalOf('batching: { gpu: 1 }')).toBe(
    'model.yaml:1:13: batching.gpu is not a setting; known settings: max_rows, max_wait_ms, rows',
  )
})

test('a wrong type is refused with its place and what is expected', () => {
  expect(refusalOf('batching:\n  max_rows: many\n')).toBe(
    'model.yaml:2:13: batching.max_rows must be a whole number',
  )
  expect(refusalOf('instances: none')).toBe(
    'model.yaml:1:12: instances must be auto or a whole number of at least 1',
  )
  expect(refusalOf('labels: [0.5, b]\ntask: tabular-classification')).toBe(
    'model.yaml:1:10: labels.0 must be text or a whole number (put it in quotes)',
  )
  expect(refusalOf('- a list')).toBe('model.yaml:1:1: must be a mapping of settings')
})

test('an escape that makes half of a character is refused with its place, one that makes a whole is taken', () => {
  const refusal = 'has half of a surrogate pair, which is no character: correct the escape'

  expect(refusalOf('description: x\nexample: { a: ["b", "\\ud800"] }')).toBe(`model.yaml:2:21: ${refusal}`)
  expect(refusalOf('"\\udc00": x')).toBe(`model.yaml:1:1: ${refusal}`)
  expect(readModelSettings('description: "\\ud83d\\ude00 \\U0001F600 \\0 \\uFFFE é"').description).toBe(
    '😀 😀 \0 \ufffe é',
  )
})

test('batches are taken by a process of their own, or not at all', () => {
  expect(readModelSettings('').batch).toEqual({ executor: 'own' })
  expect(readModelSettings('batch: { executor: off }').batch).toEqual({ executor: 'off' })
  expect(refusalOf('batch: { executor: false }')).toBe('model.yaml:1:20: batch.executor must be own or off')
})

test('an unknown task is refused with the known ones', () => {
  expect(refusalOf('task: tabular')).toBe(
    'model.yaml:1:7: task is not a known task; known tasks: tensors, tabular-classification, tabular-regression',
  )
})

test('what else is wrong beside an unknown task is told as the task that was most likely meant tells it', () => {
  expect(refusalOf('task: tabular\nlabels: [a]\nattempts: 0')).toBe(
    'model.yaml:1:7: task is not a known task; known tasks: tensors, tabular-classification, tabular-regression; ' +
      'model.yaml:2:9: labels must have at least two labels; ' +
      'model.yaml:3:11: attempts must be at least 1',
  )
})

test('all problems are listed, in the order of the text', () => {
  expect(refusalOf('attempts: 0\nprovider: [cpu]\ntimeout_s: 0\n')).toBe(
    'model.yaml:1:11: attempts must be at least 1; ' +
      'model.yaml:2:1: provider is not a setting; did you mean providers?; ' +
      'model.yaml:3:12: timeout_s must be more than 0',
  )
})

test('text that is not YAML is refused with the place', () => {
  expect(refusalOf('description: a\ndescription: b')).toBe('model.yaml:2:1: Map keys must be unique')
  expect(refusalOf('features: [a')).toMatch(/^model.yaml:1:\d+: /)
})

test('features and labels without a task are refused rather than ignored', () => {
  expect(refusalOf('features: [a, b]')).toBe(
    'model.yaml:1:11: features is for tabular models; add task: tabular-classification or tabular-regression',
  )
  expect(refusalOf('labels: [a, b]')).toBe(
    'model.yaml:1:9: labels is for tabular models; add task: tabular-classification',
  )
})

test('settings that have no effect on a task are accepted where the schema says so', () => {
  expect(readModelSettings('output: { label: x }').output.label).toBe('x')
  expect(readModelSettings('task: tabular-regression\nlabels: [a, b]')).toHaveProperty('labels', ['a', 'b'])
})

test('the JSON Schema for editors is that of these settings', async () => {
  const written: unknown = JSON.parse(
    await readFile(new URL('../../../../models/model.schema.json', import.meta.url), 'utf8'),
  )

  // when this fails: node scripts/make/make-model-schema.ts
  expect(written).toEqual(modelSettingsJsonSchema())
})
