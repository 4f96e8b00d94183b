import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { readModelSettings } from '../repository/read-model-settings.ts'
import type { RowResult } from '../tasks/row-result.ts'
import { loadModel } from './load-model.ts'
import { RunFailed } from './run-failed.ts'
import type { RunRows } from './run-rows.ts'

/** Models as converters write them, with what their own frameworks answer (tests/models-as-exported). */
const folder = fileURLToPath(new URL('../../../../tests/models-as-exported', import.meta.url))

const casesSchema = z.object({
  about: z.string(),
  batched: z.boolean(),
  cases: z.array(z.object({ input: z.unknown(), output: z.unknown() })),
})

const load = async (name: string) => {
  const dir = join(folder, name)
  const yaml = join(dir, 'model.yaml')
  return loadModel(
    {
      name,
      version: '1',
      digest: '',
      dir,
      onnxPath: join(dir, 'model.onnx'),
      settings: readModelSettings(existsSync(yaml) ? readFileSync(yaml, 'utf8') : ''),
    },
    1,
  )
}

/** Numbers are what they should be within float32. */
const near = (value: unknown): unknown => {
  if (typeof value === 'number') return expect.closeTo(value, 5 - Math.ceil(Math.log10(Math.abs(value) + 1)))
  if (Array.isArray(value)) return value.map(near)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, near(one)]))
}

/** As a worker runs them: where a run fails its halves run, down to the rows alone. */
const runHalves = async (runRows: RunRows, rows: unknown[]): Promise<RowResult[]> => {
  try {
    return await runRows(rows)
  } catch (err) {
    if (!(err instanceof RunFailed) || rows.length === 1) throw err
    const half = rows.length / 2
    return [
      ...(await runHalves(runRows, rows.slice(0, half))),
      ...(await runHalves(runRows, rows.slice(half))),
    ]
  }
}

const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'cases.json')))

test.each(names.filter((name) => name !== 'opset-6'))('%s', async (name) => {
  const { batched, cases } = casesSchema.parse(
    JSON.parse(readFileSync(join(folder, name, 'cases.json'), 'utf8')),
  )
  const { loaded, served } = await load(name)
  const { inputSchema, outputSchema, batching, example } = loaded.found
  const inputs = z.fromJSONSchema(inputSchema)
  const outputs = z.fromJSONSchema(outputSchema)

  expect(inputs.safeParse(example).error).toBe(undefined)
  expect(batching.reason === null).toBe(batched)
  for (const { input } of cases) expect(inputs.safeParse(input).error).toBe(undefined)
  const results = await runHalves(
    (rows) => served.run(rows),
    cases.map(({ input }) => input),
  )
  for (const result of results) expect(outputs.safeParse(result.ok && result.output).error).toBe(undefined)
  expect(results).toMatchObject(cases.map(({ output }) => ({ ok: true, output: near(output) })))
})

test.each([
  ['columns-with-imputer', { age: [57], fare: [23.9], sex: ['female'], embarked: ['C'], pclass: [2] }],
  ['tfidf-text', { text: 'cats dogs earnings' }],
  ['hist-gradient-boosting-missing', { X: [5.8, 3, 4.5, 1.5] }],
])('the example of %s is as a person would write it', async (name, example) => {
  const { loaded } = await load(name)

  expect(loaded.found.example).toEqual(example)
})

test('a model of an opset that is too old is refused with what to do', async () => {
  await expect(load('opset-6')).rejects.toThrow(
    'it was exported with opset 6, and this ONNX Runtime starts at 7: export it again with a newer one',
  )
})
