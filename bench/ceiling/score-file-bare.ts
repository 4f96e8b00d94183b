import { createReadStream } from 'node:fs'
import { open, readFile, writeFile } from 'node:fs/promises'
import { planColumnsOf, readCsvHeader, RecordCutter } from '@onqueue/shared/rows'
import type { RowParser } from '../../apps/worker/src/executor/batch/batch-row.ts'
import { createCsvParser } from '../../apps/worker/src/executor/batch/csv-scanner.ts'
import { createJsonlParser } from '../../apps/worker/src/executor/batch/jsonl-reader.ts'
import { createJsonlWriter } from '../../apps/worker/src/executor/batch/jsonl-writer.ts'
import type { Probe } from '../../apps/worker/src/executor/probe.ts'
import { runInputs } from './run-inputs.ts'
import { scoreParquetBare } from './score-parquet.ts'

/** What a file is, and what is made of it; the same for a batch. */
export type FileFormat = 'csv' | 'jsonl' | 'parquet'

export type FileScoring = { input: string; output: string; format: FileFormat; microBatchRows: number }

/**
 * A script that scores a file, as anybody would write it who has the same parser, task and writer and knows that every row is
 * good: it reads the file, runs micro-batches, and writes a file. CSV and JSONL become JSONL, and Parquet becomes Parquet.
 */
export const scoreFileBare = async (
  probe: Probe,
  { input, output, format, microBatchRows }: FileScoring,
): Promise<void> => {
  if (format === 'parquet') {
    const bytes = new Uint8Array(await readFile(input)).buffer
    const scored = await scoreParquetBare({ probe, file: bytes, microBatchRows })
    return writeFile(output, new Uint8Array(scored))
  }
  const { parser, offset, line } = await openParser(probe, { input, format })
  const writer = createJsonlWriter(probe.task.outputSchema)
  const cutter = new RecordCutter({ format, offset, line })
  await using file = await open(output, 'w')
  let inputs: unknown[] = []
  let rows = 0
  const flush = async () => {
    if (inputs.length === 0) return
    await file.write(await runInputs({ probe, writer }, inputs, rows))
    rows += inputs.length
    inputs = []
  }
  const take = async () => {
    for (let record = cutter.next(); record; record = cutter.next()) {
      const parsed = parser.parse(record)
      if (parsed.problem) throw new Error(parsed.problem.detail)
      inputs.push(parsed.value)
      if (inputs.length === microBatchRows) await flush()
    }
  }
  for await (const window of createReadStream(input, { start: offset, highWaterMark: readBytes })) {
    cutter.feed(window)
    await take()
  }
  cutter.end()
  await take()
  await flush()
}

const readBytes = 256 * 1024
const headBytes = 64 * 1024

const openParser = async (
  { task }: Probe,
  { input, format }: { input: string; format: 'csv' | 'jsonl' },
): Promise<{ parser: RowParser; offset: number; line: number }> => {
  if (format === 'jsonl') return { parser: createJsonlParser(), offset: 0, line: 1 }
  const head = Buffer.concat(await createReadStream(input, { end: headBytes - 1 }).toArray())
  const { names, ...begin } = readCsvHeader(head)
  return { parser: createCsvParser(planColumnsOf(names, task.inputSchema)), ...begin }
}
