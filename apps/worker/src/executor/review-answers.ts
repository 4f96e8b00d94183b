import { Refusal } from '../refusal.ts'
import type { RowResult } from '../tasks/row-result.ts'
import type { Tensors } from '../tensors/tensor.ts'
import { rowsOfRun } from '../tensors/row-layout.ts'
import { runProbe } from './probe.ts'
import type { Probe } from './probe.ts'
import { decodeRun } from './run-rows.ts'
import type { WarmedUp } from './warm-up.ts'

/**
 * What the operator should know of the answers that the sample rows got, of which the first is the example. Throws a
 * `Refusal` where the task does not make one row of each row that ran: whoever wrote it can only be told here, since a
 * run in service has nobody but a caller to tell.
 */
export const reviewAnswers = async ({
  probe,
  samples,
  maxRows,
}: Pick<WarmedUp, 'probe' | 'samples' | 'maxRows'>): Promise<string[]> => {
  const ranRows = rowsOfRun(probe.layout, 1)
  const results = samples.flatMap(({ outputs }) => decodeAll(probe, { outputs, ranRows, rows: 1 }))
  const pair = samples.slice(0, Math.min(2, maxRows)).map((sample) => sample.row)
  const together = pair.length === 2 ? await runProbe(probe, pair) : undefined
  if (together && !('failure' in together)) decodeAll(probe, { ...together, rows: pair.length })
  const [first] = results
  return first && !first.ok ? [`its example gets no valid output: ${first.detail}`] : []
}

const decodeAll = (probe: Probe, run: { outputs: Tensors; ranRows: number; rows: number }): RowResult[] => {
  const results = decodeRun(probe, run)
  if (results.length === run.rows) return results
  throw new Refusal(`its task made ${results.length} rows of ${run.rows}: decode has to give one for each`)
}
