import type { PredictionErrorCode } from '@onqueue/shared'

/** How one row ended: what the executor answered, or why it never answered. */
export type RowOutcome =
  { ok: true; output: unknown } | { ok: false; code: PredictionErrorCode; detail: string }
