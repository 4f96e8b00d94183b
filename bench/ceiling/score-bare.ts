import { crc32 } from 'node:zlib'
import { RecordCutter } from '@onqueue/shared/rows'
import type { RowParser } from '../../apps/worker/src/executor/batch/batch-row.ts'
import type { Chunk } from '../../apps/worker/src/executor/batch/plan-chunks.ts'
import type { TextWriter } from '../../apps/worker/src/executor/batch/text-writer.ts'
import type { Probe } from '../../apps/worker/src/executor/probe.ts'
import { runInputs } from './run-inputs.ts'

export type Scoring = {
  probe: Probe
  parser: RowParser
  writer: TextWriter
  chunks: { chunk: Chunk; bytes: Buffer }[]
  microBatchRows: number
}

/**
 * What anybody would write who has the same parser, task and writer and knows that every row is good: nothing is kept of
 * a row, nothing is told, nothing is looked at between micro-batches. The ceiling of what scoring chunks can reach.
 */
export const scoreBare = async ({ probe, parser, writer, chunks, microBatchRows }: Scoring) => {
  const total = { rows: 0, crc: 0 }
  for (const { chunk, bytes } of chunks) {
    const cutter = new RecordCutter({ format: 'csv', offset: chunk.offset, line: chunk.firstLine })
    cutter.feed(bytes)
    let crc = 0
    for (;;) {
      const inputs: unknown[] = []
      for (let record = cutter.next(); record; record = cutter.next()) {
        const parsed = parser.parse(record)
        if (parsed.problem) throw new Error(parsed.problem.detail)
        inputs.push(parsed.value)
        if (inputs.length === microBatchRows) break
      }
      if (inputs.length === 0) break
      const text = await runInputs({ probe, writer }, inputs, total.rows)
      total.rows += inputs.length
      crc = crc32(Buffer.from(text), crc)
    }
    total.crc = (total.crc + crc) % 2 ** 32
  }
  return total
}
