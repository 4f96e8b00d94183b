import type { JsonText, PredictionErrorCode } from '@onqueue/shared'
import { ExecutorDied } from '../supervision/executor-died.ts'

/** How one row ended: what the executor answered, or why it never answered. */
export type RowOutcome =
  { ok: true; output: JsonText } | { ok: false; code: PredictionErrorCode; detail: string }

/** The outcome of a row that is guilty of what was thrown when it ran. */
export const failedRow = (err: unknown): RowOutcome => {
  if (err instanceof ExecutorDied) {
    return err.how === 'timed_out'
      ? { ok: false, code: 'timed_out', detail: `this row ${err.message}` }
      : {
          ok: false,
          code: 'executor_crashed',
          detail: `this row ended its executor twice when it ran alone (${err.message})`,
        }
  }
  return {
    ok: false,
    code: 'inference_failed',
    detail: err instanceof Error ? err.message : 'the model failed',
  }
}
