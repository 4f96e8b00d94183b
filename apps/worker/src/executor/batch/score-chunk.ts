import { crc32 } from 'node:zlib'
import { RecordCutter } from '@onqueue/shared/rows'
import type { FileRecord, TextFormat } from '@onqueue/shared/rows'
import type { Probe } from '../probe.ts'
import type { ParsedRow, RowParser } from './batch-row.ts'
import { errorLine } from './error-line.ts'
import type { Chunk } from './plan-chunks.ts'
import type { RowWriter } from './row-writer.ts'
import { failure, invalidInput, lost, runAlone, runMicroBatch } from './run-micro-batch.ts'
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
  format: TextFormat
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
  convicted?: ReadonlyMap<number, keyof typeof convictions> | undefined
  /** looked at between micro-batches */
  stop?: AbortSignal | undefined
}

/** Rows that run together, in their order. */
type MicroBatch = { firstRow: number; records: FileRecord[]; rows: ParsedRow[] }

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
  const begin = (): MicroBatch => ({ firstRow: chunk.firstRow + score.rows, records: [], rows: [] })
  let microBatch = begin()

  /** Runs what there is in micro-batches of at least so many rows. */
  const runThrough = async (minRows: number) => {
    while (!stop?.aborted) {
      const { records, rows } = microBatch
      while (records.length < microBatchRows) {
        const record = cutter.next()
        if (!record) break
        records.push(record)
        rows.push(parser.parse(record))
      }
      if (records.length < minRows) return
      await scoreMicroBatch(options, microBatch, score)
      microBatch = begin()
    }
  }

  for await (const window of source) {
    cutter.feed(window)
    await runThrough(microBatchRows)
    if (stop?.aborted) break
  }
  if (!stop?.aborted) {
    cutter.end()
    await runThrough(1)
  }
  return { ...score, isStopped: stop?.aborted === true }
}

const scoreMicroBatch = async (options: ScoreOptions, microBatch: MicroBatch, score: ChunkScore) => {
  const { parser, writer, output, errors } = options
  const { firstRow, records, rows } = microBatch
  const outcomes = await runRows(options, microBatch)
  let text = ''
  let errorText = ''
  for (let index = 0; index < rows.length; index++) {
    const id = rows[index]?.id
    const record = records[index]
    const outcome = outcomes[index] ?? lost
    const row = firstRow + index
    if (outcome.ok) text += writer.write(row, id, outcome)
    else {
      text += writer.write(row, id, { errorCode: outcome.code })
      if (record) errorText += errorLine({ row, id, record }, locate(outcome, parser))
      score.failed += 1
    }
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

/** What becomes of rows; those that can't be read or are convicted don't run. */
const runRows = async (
  { probe, at = () => undefined, careful, convicted }: ScoreOptions,
  { firstRow, rows }: MicroBatch,
): Promise<readonly (RowOutcome | undefined)[]> => {
  const outcomes: (RowOutcome | undefined)[] = []
  const places: number[] = []
  const inputs: unknown[] = []
  for (let place = 0; place < rows.length; place++) {
    const row = rows[place]
    const code = convicted?.get(firstRow + place)
    if (code !== undefined) outcomes[place] = failure(code, convictions[code])
    else if (row?.problem) outcomes[place] = invalidInput(row.problem)
    else {
      places.push(place)
      inputs.push(row?.value)
    }
  }
  const [first] = places
  if (first === undefined) return outcomes
  const last = places.at(-1) ?? first
  const mayCrash = careful !== undefined && firstRow + first <= careful[1] && firstRow + last >= careful[0]
  const beforeAlone = (index: number) => at(firstRow + (places[index] ?? 0), 1)
  if (mayCrash) {
    for (const [index, place] of places.entries()) {
      beforeAlone(index)
      outcomes[place] = await runAlone(probe, inputs[index])
    }
    return outcomes
  }
  at(firstRow + first, last - first + 1)
  const ran = await runMicroBatch(probe, inputs, beforeAlone)
  if (ran.length === rows.length) return ran
  for (const [index, place] of places.entries()) outcomes[place] = ran[index]
  return outcomes
}

/** Where a problem is, as the file has it. */
const locate = (failed: RowFailure, { locate: toPlace }: RowParser): RowFailure => {
  const { pointer = '', detail } = failed
  return pointer === '' ? failed : { ...failed, ...toPlace({ pointer, detail }) }
}

const convictions = {
  executor_crashed: 'the executor process crashed on it, also when it ran alone',
  timed_out: 'it ran longer than timeout_s, also when it ran alone',
}
