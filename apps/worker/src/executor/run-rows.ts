import type { RowLayout } from '../tensors/row-layout.ts'
import { describeProblem } from '../tasks/task.ts'
import type { Task } from '../tasks/task.ts'
import type { Tensors } from '../tensors/tensor.ts'
import { tidyMessage } from './explain-load-error.ts'
import type { ModelSession } from './model-session.ts'
import type { RowResult } from '../tasks/row-result.ts'

/** ONNX Runtime threw on a run of several rows, any of which may be guilty, or on the only row there was. */
export class RunFailed extends Error {
  override readonly name = 'RunFailed'
}

export type RunRows = (rows: unknown[]) => Promise<RowResult[]>

/** Checks, encodes, runs and decodes rows, at most `maxRows` of them together. Rejects with `RunFailed`. */
export const createRunRows =
  (model: { session: ModelSession; task: Task; layout: RowLayout; maxRows: number }): RunRows =>
  async (rows) => {
    const results: RowResult[] = []
    for (let start = 0; start < rows.length; start += model.maxRows) {
      const chunk = rows.slice(start, start + model.maxRows)
      results.push(...(await runTogether(model, chunk, { isOnlyRow: rows.length === 1 })))
    }
    return results
  }

const runTogether = async (
  { session, task, layout }: { session: ModelSession; task: Task; layout: RowLayout },
  rows: unknown[],
  { isOnlyRow }: { isOnlyRow: boolean },
): Promise<RowResult[]> => {
  const { groups, problems } = task.encode(rows)
  const results = new Map<number, RowResult>()
  for (const [position, problem] of problems) {
    results.set(position, { ok: false, code: 'invalid_input', detail: describeProblem(problem) })
  }
  for (const { positions, feeds } of groups) {
    const full = fillUp({ task, layout, feeds, rows: positions.map((position) => rows[position]) })
    const decoded = await runTensors({ session, task, full }).catch((err: unknown): RowResult[] => {
      const detail = `the model failed: ${tidyMessage(err instanceof Error ? err.message : String(err))}`
      // a row that ran by itself beside others is the guilty one
      if (positions.length === 1 && !isOnlyRow) return [{ ok: false, code: 'inference_failed', detail }]
      throw new RunFailed(detail, { cause: err })
    })
    for (const [index, position] of positions.entries()) results.set(position, decoded[index] ?? noResult)
  }
  return rows.map((_, position) => results.get(position) ?? noResult)
}

/** A run that always takes so many rows gets the last one again and again. */
export const fillUp = (options: { task: Task; layout: RowLayout; rows: unknown[]; feeds: Tensors }) => {
  const { task, layout, rows, feeds } = options
  if (layout.axis !== 'fixed' || rows.length === layout.rowsPerRun) return { feeds, rowCount: rows.length }
  const padding = Array.from({ length: layout.rowsPerRun - rows.length }, () => rows.at(-1))
  const padded = task.encode([...rows, ...padding]).groups[0]
  return { feeds: padded?.feeds ?? feeds, rowCount: layout.rowsPerRun }
}

const runTensors = async (options: {
  session: ModelSession
  task: Task
  full: { feeds: Tensors; rowCount: number }
}) => {
  const { session, task, full } = options
  return task.decode(await session.run(full.feeds, task.outputNames), full.rowCount)
}

const noResult: RowResult = { ok: false, code: 'inference_failed', detail: 'the executor lost this row' }
