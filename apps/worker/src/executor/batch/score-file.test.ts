import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { planColumnsOf, readCsvHeader } from '@onqueue/shared/rows'
import { unwrapZipMaps } from '../../onnx-file/unwrap-zip-maps.ts'
import { createCsvParser } from './csv-scanner.ts'
import { planChunks } from './plan-chunks.ts'
import type { ChunkLimits } from './plan-chunks.ts'
import { openModel, scoreCsv, scoreText } from './score-model.fixture.ts'

const root = join(import.meta.dirname, '../../../../..')
const names = ['iris', 'housing', 'demo-classifier'] as const
const models = {
  iris: await openModel('models/iris'),
  housing: await openModel('models/housing'),
  'demo-classifier': await openModel('models/demo-classifier'),
}

const casesSchema = z.array(
  z.object({
    input: z.object({ features: z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]) }),
    output: z.record(z.string(), z.unknown()),
  }),
)

/** The features of the golden cases by position, and their names. */
const readCases = (name: (typeof names)[number]) => {
  const cases = casesSchema.parse(JSON.parse(readFileSync(join(root, 'models', name, 'golden.json'), 'utf8')))
  const byName = cases.map(({ input }) => input.features).find((features) => !Array.isArray(features))
  const columns = Object.keys(byName ?? {})
  const rows = cases.map(({ input: { features } }) =>
    Array.isArray(features) ? features : columns.map((column) => features[column]),
  )
  return { cases, columns, rows }
}

const toCsv = (columns: string[], rows: unknown[][]) =>
  [columns, ...rows].map((row) => `${row.join(',')}\n`).join('')

/** All rows in one run of ONNX Runtime with nothing of ours around it: the number that each row's output has to hold. */
const runDirectly = async (name: (typeof names)[number], rows: unknown[][]) => {
  const { inputs } = models[name].probe.session.signature
  const file = readFileSync(join(root, 'models', name, 'model.onnx'))
  const session = await InferenceSession.create(unwrapZipMaps(file).model, { intraOpNumThreads: 1 })
  const [only] = inputs
  const feeds =
    inputs.length === 1 && only
      ? {
          [only.name]: new Tensor('float32', Float32Array.from(rows.flat().map(Number)), [
            rows.length,
            rows[0]?.length ?? 0,
          ]),
        }
      : Object.fromEntries(
          inputs.map(({ name: input, type, shape }, index) => {
            const column = rows.map((row) => row[index])
            const dims = [rows.length, ...shape.slice(1).map(Number)]
            if (type === 'string') return [input, new Tensor('string', column.map(String), dims)]
            return type === 'int64'
              ? [
                  input,
                  new Tensor('int64', BigInt64Array.from(column.map((value) => BigInt(Number(value)))), dims),
                ]
              : [input, new Tensor('float32', Float32Array.from(column.map(Number)), dims)]
          }),
        )
  const results = await session.run(feeds)
  const data = results[session.outputNames.at(-1) ?? '']?.data
  if (!(data instanceof Float32Array)) throw new Error('no floats')
  const width = data.length / rows.length
  return rows.map((_, row) => [...data.subarray(row * width, (row + 1) * width)])
}

const floatsOf = (line: unknown): number[] => {
  const { prediction, probabilities } = z
    .object({ prediction: z.unknown(), probabilities: z.record(z.string(), z.number()).optional() })
    .parse(line)
  return (probabilities ? Object.values(probabilities) : [Number(prediction)]).map(Math.fround)
}

test.each(names)('rows of %s from CSV and JSONL are those of a direct run, to the last bit', async (name) => {
  const { cases, columns, rows } = readCases(name)
  const direct = await runDirectly(name, rows)

  const fromCsv = await scoreCsv(models[name], toCsv(columns, rows))
  const fromJsonl = await scoreText(
    models[name],
    cases.map(({ input }) => `${JSON.stringify(input)}\n`).join(''),
  )

  expect(fromCsv.errors).toEqual([])
  expect(fromCsv.lines.map(floatsOf)).toEqual(direct)
  expect(fromJsonl.output).toBe(fromCsv.output)
})

/** The output of a file by chunks of so many bytes. */
const scoreByChunks = async (
  text: string,
  { limits, windowBytes }: { limits: ChunkLimits; windowBytes: number },
) => {
  const bytes = Buffer.from(text)
  const header = readCsvHeader(bytes)
  const plan = planColumnsOf(header.names, models.housing.probe.task.inputSchema)
  const cursor = { chunk: 0, row: 0, offset: header.offset, line: header.line }
  let output = ''
  const errors: unknown[] = []
  for await (const { chunk } of planChunks({
    format: 'csv',
    source: [bytes.subarray(header.offset)],
    cursor,
    limits,
  })) {
    const part = bytes.subarray(chunk.offset, chunk.offset + chunk.length)
    const windows = Array.from({ length: Math.ceil(part.length / windowBytes) }, (_, index) =>
      part.subarray(index * windowBytes, (index + 1) * windowBytes),
    )
    const scored = await scoreText(models.housing, '', {
      format: 'csv',
      parser: createCsvParser(plan),
      chunk,
      bytes: windows,
      microBatchRows: 16,
    })
    expect(scored.score.rows).toBe(chunk.rows)
    output += scored.output
    errors.push(...scored.errors)
  }
  return { output, errors }
}

test('chunks of any size make the same file, with the same errors', async () => {
  const { columns, rows } = readCases('housing')
  const many = Array.from({ length: 10 }, () => rows).flat()
  many[77] = ['x']
  many[500] = [...(many[500] ?? []).slice(0, -1), '"no\nyes"']
  const text = toCsv(columns, many)

  const whole = await scoreByChunks(text, {
    limits: { bytes: 1e9, rows: 1e9, minBytes: 0 },
    windowBytes: 1e9,
  })

  expect(whole.errors).toHaveLength(2)
  for (const bytes of [1, 1000, 5000]) {
    const limits = { bytes, rows: 100, minBytes: 0 }
    expect(await scoreByChunks(text, { limits, windowBytes: 777 })).toEqual(whole)
  }
})
