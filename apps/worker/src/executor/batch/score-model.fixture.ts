import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { planColumnsOf, readCsvHeader } from '@onqueue/shared/rows'
import type { ColumnOptions } from '@onqueue/shared/rows'
import { readModelSettings } from '../../repository/read-model-settings.ts'
import { loadModel } from '../load-model.ts'
import type { LoadedModel } from '../load-model.ts'
import { createCsvParser } from './csv-scanner.ts'
import { createJsonlParser } from './jsonl-reader.ts'
import { createJsonlWriter } from './jsonl-writer.ts'
import type { Chunk } from './plan-chunks.ts'
import { createRecordSource } from './record-source.ts'
import type { RecordSourceOptions } from './record-source.ts'
import { scoreChunk } from './score-chunk.ts'
import type { ChunkScore, ScoreOptions } from './score-chunk.ts'

const root = join(import.meta.dirname, '../../../../..')

/** A model of `models/` or `tests/models/`, loaded as executors do. */
export const openModel = async (path: string): Promise<LoadedModel> => {
  const dir = join(root, path)
  const yaml = join(dir, 'model.yaml')
  const settings = readModelSettings(existsSync(yaml) ? readFileSync(yaml, 'utf8') : '')
  return loadModel(
    { name: 'm', version: '1', digest: '', dir, onnxPath: join(dir, 'model.onnx'), settings },
    1,
  )
}

type ScoreTextOptions = Partial<
  Omit<ScoreOptions, 'chunk'> & Omit<RecordSourceOptions, 'chunk'> & { chunk: Omit<Chunk, 'length' | 'rows'> }
>

/** Scores bytes that are one chunk, from JSONL to JSONL unless others are given; what was written, and what was called. */
export const scoreText = async (
  { probe }: LoadedModel,
  text: string | Buffer,
  { format = 'jsonl', parser = createJsonlParser(), maxRowBytes, ...options }: ScoreTextOptions = {},
): Promise<{
  score: ChunkScore
  lines: unknown[]
  errors: unknown[]
  output: string
  ats: [number, number][]
}> => {
  const bytes = Buffer.from(text)
  const output: Buffer[] = []
  const errors: Buffer[] = []
  const ats: [number, number][] = []
  const chunk = options.chunk ?? { offset: 0, firstRow: 0, firstLine: 1 }
  const score = await scoreChunk({
    probe,
    writer: createJsonlWriter(probe.task.outputSchema),
    chunk,
    source: createRecordSource({ format, parser, chunk, bytes: options.bytes ?? [bytes], maxRowBytes }),
    microBatchRows: 1024,
    output: (piece) => void output.push(piece),
    errors: (piece) => void errors.push(piece),
    at: (row, rows) => void ats.push([row, rows]),
    ...options,
  })
  const outputText = Buffer.concat(output).toString()
  return {
    score,
    ats,
    output: outputText,
    lines: options.writer ? [] : parseLines(outputText),
    errors: parseLines(Buffer.concat(errors).toString()),
  }
}

const parseLines = (text: string): unknown[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

/** Scores a whole CSV file, header and all. */
export const scoreCsv = async (
  model: LoadedModel,
  text: string | Buffer,
  { columns, ...options }: ScoreTextOptions & { columns?: ColumnOptions } = {},
) => {
  const bytes = Buffer.from(text)
  const { names, offset, line } = readCsvHeader(bytes)
  const plan = planColumnsOf(names, model.probe.task.inputSchema, columns)
  return scoreText(model, bytes.subarray(offset), {
    format: 'csv',
    parser: createCsvParser(plan),
    chunk: { offset, firstRow: 0, firstLine: line },
    ...options,
  })
}
