import { crc32 } from 'node:zlib'
import type { Probe } from '../probe.ts'
import type { ParsedRow, RowParser } from './batch-row.ts'
import { errorLine } from './error-line.ts'
import type { Chunk } from './plan-chunks.ts'
import { RecordCutter } from './record-cutter.ts'
import type { FileRecord } from './file-record.ts'
import type { RowFormat } from './record-cutter.ts'
import type { RowErrorCode, RowWriter } from './row-writer.ts'
import { failure, invalidInput, runAlone, runMicroBatch } from './run-micro-batch.ts'
import type { RowFailure, RowOutcome } from './run-micro-batch.ts'

export type ChunkScore = {
  rows: number
  failed: number
  /** of the output and of the errors */
  bytes: number
  errorBytes: number
  /** of the output */
  crc: number
  /** `stop` came before its end: what was written is not all of it */
  isStopped: boolean
}

export type ScoreOptions = {
  probe: Probe
  format: RowFormat
  parser: RowParser
  writer: RowWriter
  /** where it lies in the file */
  chunk: Chunk
  /** its bytes, and no others */
  source: AsyncIterable<Buffer> | Iterable<Buffer>
  maxRowBytes?: number | undefined
  /** how many rows run together; less where the model takes less */
  microBatchRows: number
  output: (bytes: Buffer) => Promise<void> | void
  errors: (bytes: Buffer) => Promise<void> | void
  /** called before rows run with the first of them and their number; whoever ends the process is one of these */
  at?: (row: number, rows: number) => void
  /** rows, the last one included, one of which may have ended a process: their micro-batches run row by row */
  careful?: readonly [from: number, to: number] | undefined
  /** rows that ended a process, which are passed over */
  convicted?: ReadonlyMap<number, RowErrorCode>
  /** looked at between micro-batches */
  stop?: AbortSignal
}

type Row = { row: number; record: FileRecord; parsed: ParsedRow }

/**
 * Scores the rows of a chunk: reads, encodes, runs, decodes and writes them, a micro-batch at a time. Micro-batches are
 * cut from the beginning of the chunk and never filled with other rows, so that a chunk that runs again gets the same bytes.
 * Each row has one row in the output, in order; one that fails has a line in the errors too. Rejects with what `output` and
 * `errors` reject with.
 */
export const scoreChunk = async (options: ScoreOptions): Promise<ChunkScore> => {
  const { probe, parser, chunk, source, stop } = options
  const { format, maxRowBytes } = options
  const cutter = new RecordCutter({ format, offset: chunk.offset, line: chunk.firstLine, maxRowBytes })
  const microBatchRows = Math.max(1, Math.min(options.microBatchRows, probe.layout.rowsPerRun))
  const score: ChunkScore = { rows: 0, failed: 0, bytes: 0, errorBytes: 0, crc: 0, isStopped: false }
  let microBatch: Row[] = []
  let row = chunk.firstRow

  const runFull = async (minRows: number) => {
    while (!stop?.aborted) {
      for (let record = cutter.next(); record; record = cutter.next()) {
        microBatch.push({ row: row++, record, parsed: parser.parse(record) })
        if (microBatch.length === microBatchRows) break
      }
      if (microBatch.length < minRows) return
      await scoreMicroBatch(options, microBatch, score)
      microBatch = []
    }
  }

  for await (const window of source) {
    cutter.feed(window)
    await runFull(microBatchRows)
    if (stop?.aborted) break
  }
  if (!stop?.aborted) {
    cutter.end()
    await runFull(1)
  }
  return { ...score, isStopped: stop?.aborted === true }
}

const scoreMicroBatch = async (options: ScoreOptions, rows: Row[], score: ChunkScore) => {
  const { parser, writer, output, errors } = options
  const outcomes = await runRows(options, rows)
  let text = ''
  let errorText = ''
  for (const [index, { row, record, parsed }] of rows.entries()) {
    const outcome = outcomes[index]
    if (outcome?.ok) {
      text += writer.write(row, parsed.id, outcome)
      continue
    }
    const failed = locate(outcome ?? failure('inference_failed', 'the executor lost this row'), parser)
    text += writer.write(row, parsed.id, { errorCode: failed.code })
    errorText += errorLine({ row, id: parsed.id, record }, failed)
    score.failed += 1
  }
  score.rows += rows.length
  const bytes = Buffer.from(text)
  score.bytes += bytes.length
  score.crc = crc32(bytes, score.crc)
  await output(bytes)
  if (errorText === '') return
  const errorBytes = Buffer.from(errorText)
  score.errorBytes += errorBytes.length
  await errors(errorBytes)
}

/** What becomes of rows, in their order; those that can't be read or are convicted don't run. */
const runRows = async (
  { probe, at = () => undefined, careful, convicted }: ScoreOptions,
  rows: readonly Row[],
): Promise<(RowOutcome | undefined)[]> => {
  const outcomes: (RowOutcome | undefined)[] = []
  const places: number[] = []
  const inputs: unknown[] = []
  for (const [place, { row, parsed }] of rows.entries()) {
    const code = convicted?.get(row)
    if (code !== undefined) outcomes[place] = failure(code, convictions[code])
    else if (parsed.problem) outcomes[place] = invalidInput(parsed.problem)
    else {
      places.push(place)
      inputs.push(parsed.value)
    }
  }
  const rowAt = (index: number) => rows[places[index] ?? 0]?.row ?? 0
  if (inputs.length === 0) return outcomes
  const runsAlone = careful !== undefined && rowAt(0) <= careful[1] && rowAt(inputs.length - 1) >= careful[0]
  if (!runsAlone) at(rowAt(0), rowAt(inputs.length - 1) - rowAt(0) + 1)
  const ran = runsAlone ? [] : await runMicroBatch(probe, inputs, (index) => at(rowAt(index), 1))
  for (const [index, place] of places.entries()) {
    if (runsAlone) at(rowAt(index), 1)
    outcomes[place] = runsAlone ? await runAlone(probe, inputs[index]) : ran[index]
  }
  return outcomes
}

const locate = (failed: RowFailure, { locate: toPlace }: RowParser): RowFailure =>
  failed.pointer === '' ? failed : { ...failed, ...toPlace(failed) }

const convictions: Record<RowErrorCode, string> = {
  executor_crashed: 'the executor process crashed on it, also when it ran alone',
  timed_out: 'it ran longer than timeout_s, also when it ran alone',
  invalid_input: 'it is not valid',
  invalid_output: 'its output is not valid',
  inference_failed: 'the model failed',
}
