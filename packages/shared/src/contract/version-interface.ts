import { z } from 'zod'

export const jsonSchemaSchema = z.record(z.string(), z.unknown())
export type JsonSchema = z.infer<typeof jsonSchemaSchema>

/**
 * What a model version offers to callers: the executor finds most of it in the model, and it ends up in the card. The
 * order is that of the record in Redis. What old records lack has to be optional.
 */
export const versionInterfaceSchema = z.object({
  /** what whoever runs the model should know */
  warnings: z.array(z.string()),
  description: z.string(),
  task: z.string(),
  /** of one row */
  inputSchema: jsonSchemaSchema,
  /** of one row */
  outputSchema: jsonSchemaSchema,
  /** a full input, valid by the input schema; null where none was given and a made-up one would be over 16 KB */
  example: z.unknown(),
  batching: z.object({
    enabled: z.boolean(),
    /** the most rows of one run; an executor splits what is longer */
    maxRows: z.int(),
    maxWaitMs: z.number(),
    /** why rows don't share a run */
    reason: z.string().nullable(),
  }),
  /** the execution providers in use */
  providers: z.array(z.string()),
  /** false where no files of rows are scored by it */
  takesBatches: z.boolean().optional(),
})
export type VersionInterface = z.infer<typeof versionInterfaceSchema>

/** What is said of a version that was never loaded. */
export const blankInterface = {
  warnings: [],
  description: null,
  task: null,
  inputSchema: null,
  outputSchema: null,
  example: null,
  batching: { enabled: false, maxRows: 1, maxWaitMs: 0, reason: null },
  providers: [],
}
