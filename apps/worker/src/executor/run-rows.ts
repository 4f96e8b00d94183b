import { cutRows, padRows } from '../tensors/pad-rows.ts'
import { rowsOfRun } from '../tensors/row-layout.ts'
import type { RowLayout } from '../tensors/row-layout.ts'
import { describeProblem } from '../tasks/task.ts'
import type { Task } from '../tasks/task.ts'
import type { Tensors } from '../tensors/tensor.ts'
import { tidyMessage } from './explain-load-error.ts'
import type { ModelSession } from './model-session.ts'
import { RunFailed } from './run-failed.ts'
import type { RowResult } from '../tasks/row-result.ts'

export type RunRows = (rows: unknown[]) => Promise<RowResult[]>

/** Checks, encodes, runs and decodes rows, at most `maxRows` of them together. Rejects with `RunFailed`. */
export const createRunRows =
  (model: Model & { maxRows: number }): RunRows =>
  async (rows) => {
    const results: RowResult[] = []
    for (let start = 0; start < rows.length; start += model.maxRows) {
      const chunk = rows.slice(start, start + model.maxRows)
      results.push(...(await runTogether(model, chunk, { isOnlyRow: rows.length === 1 })))
    }
    return results
  }

type Model = { session: ModelSession; task: Task; layout: RowLayout }

const runTogether = async (
  model: Model,
  rows: unknown[],
  { isOnlyRow }: { isOnlyRow: boolean },
): Promise<RowResult[]> => {
  const { groups, problems } = await model.task.encode(rows)
  const results = new Map<number, RowResult>()
  for (const [position, problem] of problems) {
    results.set(position, { ok: false, code: 'invalid_input', detail: describeProblem(problem) })
  }
  for (const { positions, feeds } of groups) {
    const decoded = await runAndDecode(model, feeds, positions.length).catch((err: unknown): RowResult[] => {
      const detail = `the model failed: ${tidyMessage(err instanceof Error ? err.message : String(err))}`
      // a row that ran by itself beside others is the guilty one
      if (positions.length === 1 && !isOnlyRow) return [{ ok: false, code: 'inference_failed', detail }]
      throw new RunFailed(detail, { cause: err })
    })
    for (const [index, position] of positions.entries()) results.set(position, decoded[index] ?? noResult)
  }
  return rows.map((_, position) => results.get(position) ?? noResult)
}

/** Runs the tensors of some rows, and makes their results. Rejects with what ONNX Runtime threw, or where rows were lost. */
export const runAndDecode = async (model: Model, feeds: Tensors, rows: number) => {
  const run = await runFilledUp(model, feeds, rows)
  if (rows > 1) expectRows(model.layout, run)
  return decodeRun(model, { ...run, rows })
}

/**
 * A run may lose rows: a StringNormalizer takes out those that are one of its stop words, and what is left can't be told apart.
 * So it has failed like one that threw, and the rows run alone.
 */
const expectRows = ({ perRow }: RowLayout, { outputs, ranRows }: { outputs: Tensors; ranRows: number }) => {
  const short = Object.entries(outputs).find(([name, { dims }]) => perRow.has(name) && dims[0] !== ranRows)
  if (short) throw new Error(`output ${short[0]} does not have one element for each row`)
}

/** Runs the tensors of some rows. A run that always takes more of them gets the last one again and again. */
export const runFilledUp = async ({ session, task, layout }: Model, feeds: Tensors, rows: number) => {
  const ranRows = rowsOfRun(layout, rows)
  return { outputs: await session.run(padRows(feeds, { rows, toRows: ranRows }), task.outputNames), ranRows }
}

/** The results of the first `rows` of a run, which are those that it was not filled up with. */
export const decodeRun = (
  { task, layout }: Pick<Model, 'task' | 'layout'>,
  { outputs, ranRows, rows }: { outputs: Tensors; ranRows: number; rows: number },
) => task.decode(cutRows(outputs, { rows, ranRows, perRow: layout.perRow }), rows)

const noResult: RowResult = { ok: false, code: 'inference_failed', detail: 'the executor lost this row' }
