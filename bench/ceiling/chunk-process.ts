import { z } from 'zod'
import { planColumnsOf, readCsvHeader, refuseOtherKinds } from '@onqueue/shared/rows'
import { createCsvParser } from '../../apps/worker/src/executor/batch/csv-scanner.ts'
import { createCsvWriter } from '../../apps/worker/src/executor/batch/csv-writer.ts'
import { createJsonlWriter } from '../../apps/worker/src/executor/batch/jsonl-writer.ts'
import { chunkLimits, planChunks } from '../../apps/worker/src/executor/batch/plan-chunks.ts'
import { createRecordSource } from '../../apps/worker/src/executor/batch/record-source.ts'
import { scoreChunk } from '../../apps/worker/src/executor/batch/score-chunk.ts'
import { answerParent } from '../processes/answer-parent.ts'
import type { Probe } from '../../apps/worker/src/executor/probe.ts'
import { loadProbe } from './load-probe.ts'
import { scoreBare } from './score-bare.ts'
import type { Scoring } from './score-bare.ts'
import { checkPredictions, makeParquet, scoreParquetBare, scoreParquetByChunks } from './score-parquet.ts'
import type { ParquetScoring } from './score-parquet.ts'

const requestSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('load'),
    modelDir: z.string(),
    csv: z.string(),
    /** Parquet is read where Parquet is written, and CSV for all others. */
    output: z.enum(['jsonl', 'csv', 'parquet']),
  }),
  /** Score the whole file once. */
  z.object({ type: z.literal('score'), by: z.enum(['bare', 'chunks']) }),
])

const microBatchRows = 1024
/** The limits that a model of a few µs a row gets. */
const rowMs = 0.001

type ByWay = Record<'bare' | 'chunks', () => Promise<{ rows: number; crc: number; cpuMs: number }>>

let scoring: ByWay | undefined

answerParent(async (message) => {
  const request = requestSchema.parse(message)
  if (request.type === 'load') {
    scoring = await load(request)
    return {}
  }
  if (!scoring) throw new Error('load a model first')
  return scoring[request.by]()
})

const load = async ({
  modelDir,
  csv,
  output,
}: {
  modelDir: string
  csv: string
  output: 'jsonl' | 'csv' | 'parquet'
}): Promise<ByWay> => {
  const probe = await loadProbe(modelDir)
  if (output === 'parquet') {
    const parquet = { probe, file: makeParquet(csv), microBatchRows }
    const scoreFile = async (score: (scored: ParquetScoring) => Promise<ArrayBuffer>) => {
      const { result, cpuMs } = await measure(() => score(parquet))
      return { ...(await checkPredictions(result)), cpuMs }
    }
    return { bare: () => scoreFile(scoreParquetBare), chunks: () => scoreFile(scoreParquetByChunks) }
  }
  const text = await planText(probe, Buffer.from(csv), output)
  const scoreText = async (score: (scored: Scoring) => Promise<{ rows: number; crc: number }>) => {
    const { result, cpuMs } = await measure(() => score(text))
    return { ...result, cpuMs }
  }
  return { bare: () => scoreText(scoreBare), chunks: () => scoreText(scoreByChunks) }
}

const measure = async <Result>(score: () => Promise<Result>) => {
  const before = process.cpuUsage()
  const result = await score()
  const { user, system } = process.cpuUsage(before)
  return { result, cpuMs: (user + system) / 1000 }
}

const planText = async (probe: Probe, bytes: Buffer, output: 'jsonl' | 'csv'): Promise<Scoring> => {
  refuseOtherKinds(bytes)
  const { names, offset, line } = readCsvHeader(bytes)
  const { inputSchema, outputSchema } = probe.task
  const limits = chunkLimits({ fileBytes: bytes.length, rowMs })
  const cursor = { chunk: 0, offset, row: 0, line }
  const source = [bytes.subarray(offset)]
  const chunks = await Array.fromAsync(planChunks({ format: 'csv', source, cursor, limits }))
  return {
    probe,
    parser: createCsvParser(planColumnsOf(names, inputSchema)),
    writer: output === 'csv' ? createCsvWriter(outputSchema) : createJsonlWriter(outputSchema),
    chunks: chunks.map(({ chunk }) => ({
      chunk,
      bytes: bytes.subarray(chunk.offset, chunk.offset + chunk.length),
    })),
    microBatchRows,
  }
}

/** The checksum is over those of the chunks, as `scoreBare` has it. */
const scoreByChunks = async ({ chunks, parser, ...model }: Scoring) => {
  const total = { rows: 0, crc: 0 }
  for (const { chunk, bytes } of chunks) {
    const { rows, failed, crc } = await scoreChunk({
      ...model,
      chunk,
      source: createRecordSource({ format: 'csv', parser, chunk, bytes: [bytes] }),
      output: () => undefined,
      errors: () => undefined,
    })
    if (failed > 0) throw new Error(`${failed} rows failed`)
    total.rows += rows
    total.crc = (total.crc + crc) % 2 ** 32
  }
  return total
}
