import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { planColumnsOf, readCsvHeader, refuseOtherKinds } from '@onqueue/shared/rows'
import { createCsvParser } from '../../apps/worker/src/executor/batch/csv-scanner.ts'
import { createCsvWriter } from '../../apps/worker/src/executor/batch/csv-writer.ts'
import { createJsonlWriter } from '../../apps/worker/src/executor/batch/jsonl-writer.ts'
import { chunkLimits, planChunks } from '../../apps/worker/src/executor/batch/plan-chunks.ts'
import { createRecordSource } from '../../apps/worker/src/executor/batch/record-source.ts'
import { scoreChunk } from '../../apps/worker/src/executor/batch/score-chunk.ts'
import { loadModel } from '../../apps/worker/src/executor/load-model.ts'
import { readModelSettings } from '../../apps/worker/src/repository/read-model-settings.ts'
import { answerParent } from '../processes/answer-parent.ts'
import { scoreBare } from './score-bare.ts'
import type { Scoring } from './score-bare.ts'

const requestSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('load'),
    modelDir: z.string(),
    csv: z.string(),
    output: z.enum(['jsonl', 'csv']),
  }),
  /** Score the whole file once. */
  z.object({ type: z.literal('score'), by: z.enum(['bare', 'chunks']) }),
])

const microBatchRows = 1024
/** The limits that a model of a few µs a row gets. */
const rowMs = 0.001

let scoring: Scoring | undefined

answerParent(async (message) => {
  const request = requestSchema.parse(message)
  if (request.type === 'load') {
    scoring = await load(request)
    return {}
  }
  if (!scoring) throw new Error('load a model first')
  const before = process.cpuUsage()
  const { rows, crc } = request.by === 'bare' ? await scoreBare(scoring) : await scoreByChunks(scoring)
  const { user, system } = process.cpuUsage(before)
  return { rows, crc, cpuMs: (user + system) / 1000 }
})

const load = async ({
  modelDir,
  csv,
  output,
}: {
  modelDir: string
  csv: string
  output: 'jsonl' | 'csv'
}): Promise<Scoring> => {
  const { probe } = await loadModel(
    {
      name: 'm',
      version: '1',
      digest: '',
      dir: modelDir,
      onnxPath: join(modelDir, 'model.onnx'),
      settings: readModelSettings(await readFile(join(modelDir, 'model.yaml'), 'utf8')),
    },
    1,
  )
  const bytes = Buffer.from(csv)
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
