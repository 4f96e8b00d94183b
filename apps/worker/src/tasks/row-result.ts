import { z } from 'zod'

const rowErrorCodes = ['invalid_input', 'invalid_output', 'inference_failed'] as const

/** What a task makes of one row: its output, or what is wrong with it. */
export const rowResultSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), output: z.unknown() }),
  z.object({ ok: z.literal(false), code: z.enum(rowErrorCodes), detail: z.string() }),
])
export type RowResult = z.infer<typeof rowResultSchema>
