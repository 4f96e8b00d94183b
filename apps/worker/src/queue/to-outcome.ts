import { JsonText, jsonOf } from '@onqueue/shared'
import type { Outcome } from '@onqueue/shared'
import type { RunReport } from '../serving/work.ts'

/**
 * The outcome of a prediction that ran. One row: its own output or error. An array: `succeeded` only if every row did,
 * otherwise `rows_failed`; the output keeps the good rows, and null stands for the others.
 */
export const toOutcome = (
  { results, predictMs, batchSize }: RunReport,
  {
    isArray,
    startedAt,
    now,
    attempts,
  }: { isArray: boolean; startedAt: number; now: number; attempts: number },
): Outcome => {
  const timing = { startedAt, completedAt: now, predictMs, batchSize, attempts }
  const failures = results.flatMap((result, row) =>
    result.ok ? [] : [{ row, code: result.code, detail: result.detail }],
  )
  const [first] = results
  const outputOfAll = () =>
    new JsonText(`[${results.map((result) => (result.ok ? jsonOf(result.output) : 'null')).join(',')}]`)
  if (failures.length === 0) {
    const output = isArray ? outputOfAll() : first?.ok ? first.output : null
    return { status: 'succeeded', output, error: null, ...timing }
  }
  if (!isArray) {
    const [{ code, detail } = { code: 'inference_failed' as const, detail: 'the model failed' }] = failures
    return { status: 'failed', output: null, error: { code, detail }, ...timing }
  }
  const detail = `${failures.length} of ${results.length} rows failed; "rows" says which and why`
  return {
    status: 'failed',
    output: outputOfAll(),
    error: { code: 'rows_failed', detail, rows: failures },
    ...timing,
  }
}
