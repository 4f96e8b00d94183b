const rowErrorCodes = ['invalid_input', 'invalid_output', 'inference_failed'] as const

export type RowError = { ok: false; code: (typeof rowErrorCodes)[number]; detail: string }

/** What a task makes of one row: its output, or what is wrong with it. */
export type RowResult = { ok: true; output: unknown } | RowError

export const isRowError = (value: unknown): value is RowError =>
  typeof value === 'object' &&
  value !== null &&
  'ok' in value &&
  value.ok === false &&
  'code' in value &&
  rowErrorCodes.some((code) => code === value.code) &&
  'detail' in value &&
  typeof value.detail === 'string'
