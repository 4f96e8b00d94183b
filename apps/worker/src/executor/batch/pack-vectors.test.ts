import { expect, test } from 'vitest'
import { createCsvWriter } from './csv-writer.ts'
import { createJsonlWriter } from './jsonl-writer.ts'
import { packVectors } from './pack-vectors.ts'
import type { RowWriter } from './row-writer.ts'
import { openModel, scoreText } from './score-model.fixture.ts'

const number = { anyOf: [{ type: 'number' }, { type: 'string', enum: ['NaN', 'Infinity', '-Infinity'] }] }
const vector = { type: 'array', items: number }
const outputSchema = {
  type: 'object',
  properties: {
    y: vector,
    scores: { type: 'object', properties: { inner: { anyOf: [vector, { type: 'null' }] } } },
    ids: { type: 'array', items: { type: 'integer' } },
    matrix: { type: 'array', items: vector },
    x: number,
  },
}
const output = { y: [1, -2.5], scores: { inner: ['NaN', '-Infinity'] }, ids: [7], matrix: [[1]], x: 1 }
const write = (writer: RowWriter, ...ends: Parameters<ReturnType<RowWriter['beginPart']>['add']>[2][]) => {
  const part = packVectors(writer, outputSchema).beginPart()
  for (const [row, end] of ends.entries()) part.add(row, undefined, end)
  return part.end().toString()
}

test('lists of numbers are base64 of little-endian float32, and nothing else is changed', () => {
  // 1 is 3f800000, -2.5 is c0200000, NaN 7fc00000, -Infinity ff800000
  const y = Buffer.from('0000803f000020c0', 'hex').toString('base64')
  const inner = Buffer.from('0000c07f000080ff', 'hex').toString('base64')

  expect([y, inner]).toEqual(['AACAPwAAIMA=', 'AADAfwAAgP8='])
  expect(write(createJsonlWriter(outputSchema), { output })).toBe(
    `{"row":0,"y":"${y}","scores":{"inner":"${inner}"},"ids":[7],"matrix":[[1]],"x":1}\n`,
  )
  expect(write(createCsvWriter(outputSchema), { output })).toBe(`0,${y},${inner},[7],[[1]],1,\n`)
})

test('what is null or empty, and rows that failed, are told apart', () => {
  const ends = [
    { output: { ...output, y: [], scores: { inner: null } } },
    { errorCode: 'invalid_input' as const },
  ]

  expect(write(createCsvWriter(outputSchema), ...ends)).toBe('0,"",,[7],[[1]],1,\n1,,,,,,invalid_input\n')
})

test('a vector that a model gave is read back as it was', async () => {
  const model = await openModel('tests/models/echo')
  const { outputSchema: ofModel } = model.probe.task
  const rows = [[0.1, 1e-20, 3.4e38], [16777217]]

  const { output: text } = await scoreText(model, rows.map((x) => `${JSON.stringify({ x })}\n`).join(''), {
    writer: packVectors(createJsonlWriter(ofModel), ofModel),
  })

  const read = text
    .trimEnd()
    .split('\n')
    .map((line) => Buffer.from(JSON.parse(line).y, 'base64'))
  expect(read).toEqual(rows.map((x) => Buffer.from(Float32Array.from(x).buffer)))
})
