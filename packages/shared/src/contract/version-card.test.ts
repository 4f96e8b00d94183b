import { expect, test } from 'vitest'
import { readCard, writeCard } from './version-card.ts'

/** As every release has them in Redis. */
const readyRecord =
  '{"model":"spam","version":"2","digest":"abc","generation":3,"status":"ready","reason":null,' +
  '"warnings":["output z is not a tensor and is left out"],"description":"","task":"tabular-classification",' +
  '"inputSchema":{"type":"object"},"outputSchema":{"type":"object","properties":{"prediction":{"enum":[0,1]}}},' +
  '"example":{"features":[1,2]},"batching":{"enabled":false,"maxRows":1,"maxWaitMs":2,"reason":"batching.max_rows is 1"},' +
  '"providers":["cpu"],"attempts":5}'
const loadingRecord =
  '{"model":"spam","version":"2","digest":"abc","generation":3,"status":"loading","reason":null,' +
  '"warnings":[],"description":null,"task":null,"inputSchema":null,"outputSchema":null,"example":null,' +
  '"batching":{"enabled":false,"maxRows":1,"maxWaitMs":0,"reason":null},"providers":[],"attempts":1}'
const refusedRecord = loadingRecord
  .replace('"loading"', '"refused"')
  .replace('"reason":null', '"reason":"model.onnx is gone"')

test('the record of a version that was loaded has what it offers', () => {
  expect(readCard(readyRecord)).toEqual({
    model: 'spam',
    version: '2',
    digest: 'abc',
    generation: 3,
    status: 'ready',
    reason: null,
    attempts: 5,
    interface: {
      warnings: ['output z is not a tensor and is left out'],
      description: '',
      task: 'tabular-classification',
      inputSchema: { type: 'object' },
      outputSchema: { type: 'object', properties: { prediction: { enum: [0, 1] } } },
      example: { features: [1, 2] },
      batching: { enabled: false, maxRows: 1, maxWaitMs: 2, reason: 'batching.max_rows is 1' },
      providers: ['cpu'],
    },
  })
})

test('the record of a version that was never loaded offers nothing', () => {
  expect(readCard(refusedRecord)).toEqual({
    model: 'spam',
    version: '2',
    digest: 'abc',
    generation: 3,
    status: 'refused',
    reason: 'model.onnx is gone',
    attempts: 1,
    interface: null,
  })
})

test.each([
  ['ready', readyRecord],
  ['loading', loadingRecord],
  ['refused', refusedRecord],
])('a card that is %s is written as it was read, for processes of any release', (_, record) => {
  const card = readCard(record)

  expect(card && writeCard(card)).toBe(record)
})

test('a record without a generation is of the first', () => {
  expect(readCard(readyRecord.replace('"generation":3,', ''))).toMatchObject({ generation: 0 })
})

test('a record that another release wrote, with more than is known here, is read without it', () => {
  const card = readCard(readyRecord.replace('"attempts"', '"colour":"red","attempts"'))

  expect(card && writeCard(card)).toBe(readyRecord)
})

test.each([
  ['an identity', '"digest":"abc",', ''],
  ['a part of what it offers', '"providers":["cpu"],', ''],
  ['a status that is known', '"ready"', '"asleep"'],
])('a record without %s is not readable', (_, part, instead) => {
  expect(readCard(readyRecord.replace(part, instead))).toBeUndefined()
})
