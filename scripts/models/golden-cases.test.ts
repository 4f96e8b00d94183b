import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readGoldenCases } from './golden-cases.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onqueue-golden-'))
})
afterEach(() => rm(dir, { recursive: true }))

const read = async (text?: string) => {
  if (text !== undefined) await writeFile(join(dir, 'golden.json'), text)
  return readGoldenCases(join(dir, 'model.onnx'))
}

test('cases are a row or several, and what is right for them', async () => {
  const cases = [
    { input: { x: 1 }, output: { y: 1 } },
    { input: [{ x: 1 }, { x: 2 }], output: [{ y: 1 }, { y: 2 }] },
    { input: { x: 1 }, output: null },
  ]

  expect(await read(JSON.stringify(cases))).toEqual({ cases })
})

test('a recipe notes beside the cases with what it made them', async () => {
  const cases = [{ input: { x: 1 }, output: { y: 1 } }]

  expect(await read(JSON.stringify({ versions: { python: '3.12' }, cases }))).toEqual({ cases })
})

test('a model may have none', async () => {
  expect(await read()).toEqual({ cases: [] })
})

test.each([
  ['[', 'golden.json is not JSON'],
  ['[]', 'golden.json has no cases'],
  ['{"input":{},"output":{}}', 'golden.json must be an array of cases'],
  ['[{"input":{"x":[1]}}]', 'golden.json at /0/output is missing'],
  ['[{"input":3,"output":{}}]', 'golden.json at /0/input must be a row, or an array of rows'],
  ['[{"input":[],"output":[]}]', 'golden.json at /0/input must have a row'],
])('a golden.json of %s is none', async (text, sentence) => {
  expect(await read(text)).toEqual({ problem: expect.stringContaining(sentence) })
})
