import { isRowError } from '../tasks/row-result.ts'
import type { RowError, RowResult } from '../tasks/row-result.ts'
import { headStart, makeFrame } from './frames.ts'
import type { RunTime } from './stopwatch.ts'

/**
 * Runs and their answers, as frames on the pipe between worker and executor.
 *
 *     run       run id (4 bytes) · place (4) · content type (1) · rows
 *     answer    run id (4) · kind (1) · runMs (8) · computeMs (8) · results
 *
 * Rows are a JSON array, and results a line each: `+` and the JSON of the output, or `-` and the JSON of what is wrong. Of a
 * run that failed there is a line that says why. Numbers are little endian. The executor parses rows, and nobody in the worker
 * parses outputs.
 */
export type RunRequest = {
  runId: number
  /** of the version in its executor */
  place: number
  /** each as JSON */
  rows: string[]
}

export type RunAnswer = { runId: number } & (
  | ({ kind: 'ran'; results: RowAnswer[] } & RunTime)
  /** ONNX Runtime threw: any of the rows may be guilty */
  | { kind: 'failed'; detail: string }
)

/** What the executor says of one row: its output as JSON, or what is wrong with it. */
export type RowAnswer = { ok: true; output: string } | RowError

/** How the rows of a run are written: one day there may be tensors. */
const jsonRows = 1

const answerKinds = { ran: 0, failed: 1 } as const

const runHeadBytes = 9
const answerHeadBytes = 21

/** Ids that four bytes hold: a busy executor comes to the end of them within weeks, and begins anew. */
export const nextRunId = (runId: number) => (runId + 1) % 2 ** 32

export const encodeRun = ({ runId, place, rows }: RunRequest): Buffer => {
  const frame = makeFrame(runHeadBytes, `[${rows.join(',')}]`)
  frame.writeUInt32LE(runId, headStart)
  frame.writeUInt32LE(place, headStart + 4)
  frame.writeUInt8(jsonRows, headStart + 8)
  return frame
}

export const readRun = (content: Buffer): { runId: number; place: number; rows: unknown[] } => {
  if (content.readUInt8(8) !== jsonRows)
    throw new Error('rows came in a way that this executor does not know')
  const rows: unknown = JSON.parse(content.toString('utf8', runHeadBytes))
  if (!Array.isArray(rows)) throw new Error('rows that came are no array')
  return { runId: content.readUInt32LE(0), place: content.readUInt32LE(4), rows }
}

export const encodeRan = ({ runId, results, ...time }: { runId: number; results: RowResult[] } & RunTime) =>
  encodeAnswer('ran', runId, { ...time, text: results.map(lineOf).join('\n') })

export const encodeFailed = ({ runId, detail }: { runId: number; detail: string }) =>
  encodeAnswer('failed', runId, { runMs: 0, computeMs: 0, text: JSON.stringify(detail) })

const encodeAnswer = (
  kind: keyof typeof answerKinds,
  runId: number,
  { runMs, computeMs, text }: RunTime & { text: string },
): Buffer => {
  const frame = makeFrame(answerHeadBytes, text)
  frame.writeUInt32LE(runId, headStart)
  frame.writeUInt8(answerKinds[kind], headStart + 4)
  frame.writeDoubleLE(runMs, headStart + 5)
  frame.writeDoubleLE(computeMs, headStart + 13)
  return frame
}

const lineOf = (result: RowResult) => {
  if (!result.ok) return `-${JSON.stringify(result)}`
  try {
    return `+${JSON.stringify(result.output) ?? 'null'}`
  } catch (err) {
    // longer than a string may be, say
    const detail = `the output can't be written as JSON: ${err instanceof Error ? err.message : String(err)}`
    return `-${JSON.stringify({ ok: false, code: 'invalid_output', detail } satisfies RowError)}`
  }
}

/** Throws where it is no answer. */
export const readAnswer = (content: Buffer): RunAnswer => {
  const runId = content.readUInt32LE(0)
  const kind = content.readUInt8(4)
  const text = content.toString('utf8', answerHeadBytes)
  if (kind === answerKinds.failed) return { kind: 'failed', runId, detail: String(JSON.parse(text)) }
  if (kind !== answerKinds.ran) throw new Error('an executor gave an answer of an unknown kind')
  const results = text === '' ? [] : text.split('\n').map(readLine)
  return { kind: 'ran', runId, results, runMs: content.readDoubleLE(5), computeMs: content.readDoubleLE(13) }
}

const readLine = (line: string): RowAnswer => {
  if (line.startsWith('+')) return { ok: true, output: line.slice(1) }
  const problem: unknown = JSON.parse(line.slice(1))
  if (!line.startsWith('-') || !isRowError(problem))
    throw new Error('an executor answered a row in an unknown way')
  return problem
}
