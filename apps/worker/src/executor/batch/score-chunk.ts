import { crc32 } from 'node:zlib'
import type { Probe } from '../probe.ts'
import type { ParsedRow } from './batch-row.ts'
import { errorLine } from './error-line.ts'
import type { Chunk } from './plan-chunks.ts'
import type { RowBatch, RowSource } from './row-source.ts'
import type { PartWriter, RowWriter } from './row-writer.ts'
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
  writer: RowWriter
  chunk: Pick<Chunk, 'firstRow'>
  /** its rows, and no others */
  source: RowSource
  /** how many rows run together; less where the model takes less */
  microBatchRows: number
  output: (bytes: Buffer) => Promise<void> | void
  errors: (bytes: Buffer) => Promise<void> | void
  /** called before rows run with the first of them and their number; whoever ends the process is one of these */
  at?: (row: number, rows: number) => void
  /** called when those of a micro-batch have run, and before they are written: none are under way */
  ran?: () => void
  /** rows, the last one included, one of which may have ended a process: their micro-batches run row by row */
  careful?: readonly [from: number, to: number] | undefined
  /** rows that ended a process, which are passed over */
  convicted?: ReadonlyMap<number, keyof typeof convictions> | undefined
  /** looked at between micro-batches */
  stop?: AbortSignal | undefined
}

/**
 * Scores the rows of a chunk: reads, encodes, runs, decodes and writes them, a micro-batch at a time. Micro-batches are
 * cut from the beginning of the chunk and never filled with other rows, so that a chunk that runs again gets the same bytes.
 * Each row has one row in the output, in order; one that fails has a line in the errors too. Rejects with what `source`,
 * `output` and `errors` reject with.
 */
export const scoreChunk = async (options: ScoreOptions): Promise<ChunkScore> => {
  const { probe, source, stop } = options
  const part = options.writer.beginPart()
  const microBatchRows = Math.max(1, Math.min(options.microBatchRows, probe.layout.rowsPerRun))
  const score: ChunkScore = { rows: 0, failed: 0, bytes: 0, errorBytes: 0, crc: 0, isStopped: false }
  const put = async (bytes: Buffer) => {
    if (bytes.length === 0) return
    score.bytes += bytes.length
    score.crc = crc32(bytes, score.crc)
    await options.output(bytes)
  }
  for await (const batch of source.read(microBatchRows)) {
    if (stop?.aborted) break
    const errorText = await scoreMicroBatch(options, { batch, part, score })
    options.ran?.()
    await put(part.take())
    if (errorText === '') continue
    const errorBytes = Buffer.from(errorText)
    score.errorBytes += errorBytes.length
    await options.errors(errorBytes)
  }
  if (stop?.aborted) return { ...score, isStopped: true }
  await put(part.end())
  return score
}

/** The lines that tell of rows which failed. */
const scoreMicroBatch = async (
  options: ScoreOptions,
  { batch, part, score }: { batch: RowBatch; part: PartWriter; score: ChunkScore },
) => {
  const { rows } = batch
  const firstRow = options.chunk.firstRow + score.rows
  const outcomes = await runRows(options, { firstRow, rows })
  let errorText = ''
  for (let index = 0; index < rows.length; index++) {
    const id = rows[index]?.id
    const outcome = outcomes[index] ?? lost
    const row = firstRow + index
    if (outcome.ok) part.add(row, id, outcome)
    else {
      part.add(row, id, { errorCode: outcome.code })
      errorText += errorLine({ row, id, input: batch.inputOf(index) }, locate(outcome, options.source))
      score.failed += 1
    }
  }
  score.rows += rows.length
  return errorText
}

/** What becomes of rows; those that can't be read or are convicted don't run. */
const runRows = async (
  { probe, at = () => undefined, careful, convicted }: ScoreOptions,
  { firstRow, rows }: { firstRow: number; rows: ParsedRow[] },
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
const locate = (failed: RowFailure, { locate: toPlace }: RowSource): RowFailure => {
  const { pointer = '', detail } = failed
  return pointer === '' ? failed : { ...failed, ...toPlace({ pointer, detail }) }
}

const convictions = {
  executor_crashed: 'the executor process crashed on it, also when it ran alone',
  timed_out: 'it ran longer than timeout_s, also when it ran alone',
}
