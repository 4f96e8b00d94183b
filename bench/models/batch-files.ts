import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { FileFormat } from '../ceiling/score-file-bare.ts'
import { makeParquet } from '../ceiling/score-parquet.ts'
import { heavyModelDir } from './model-dirs.ts'
import { heavyInputs } from './read-answers.ts'

/** A file of rows for a batch. */
export type BatchFile = { path: string; format: FileFormat; rows: number }

export const writeBatchFile = async (
  path: string,
  { modelDir, format, rows }: { modelDir: string; format: FileFormat; rows: number },
): Promise<BatchFile> => {
  const text =
    modelDir === heavyModelDir ? repeat(heavyInputs.map(toLine), rows) : await makeCsv(modelDir, rows)
  await writeFile(path, format === 'parquet' ? new Uint8Array(makeParquet(text)) : text)
  return { path, format, rows }
}

const casesSchema = z.array(
  z.object({
    input: z.object({
      features: z.union([z.array(z.unknown()), z.record(z.string(), z.union([z.string(), z.number()]))]),
    }),
  }),
)

/** Rows of the model's golden cases, with the names of the features as header. */
export const makeCsv = async (modelDir: string, rows: number) => {
  const cases = casesSchema.parse(JSON.parse(await readFile(join(modelDir, 'golden.json'), 'utf8')))
  const byName = cases.flatMap(({ input: { features } }) => (Array.isArray(features) ? [] : [features]))
  const columns = Object.keys(byName[0] ?? {})
  const lines = byName.map((features) => columns.map((name) => toCell(features[name])).join(','))
  return `${columns.join(',')}\n${repeat(lines, rows)}`
}

const repeat = (lines: readonly string[], rows: number) =>
  [...Array.from({ length: rows }, (_, index) => lines[index % lines.length]), ''].join('\n')

const toLine = (x: number[]) => JSON.stringify({ x })

/** As few digits as people's files have. */
const toCell = (value: string | number | undefined) =>
  typeof value === 'number' ? String(Number(value.toPrecision(6))) : value
