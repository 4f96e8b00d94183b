import { z } from 'zod'
import { rowResultSchema } from '../tasks/row-result.ts'
import type { ModelDefinition } from '../repository/model-definition.ts'

/**
 * What worker and executor say to each other over the child's IPC channel (`serialization: 'advanced'`).
 *
 *     worker                         executor
 *       │ load ──────────────────────▶ │  once, first
 *       │ ◀──────── loaded or refused  │
 *       │ run ───────────────────────▶ │  any number, two or more may be under way;
 *       │ ◀──────── ran or run-failed  │  they are run one after the other and answered in order
 *
 * The executor only imports the types: zod would cost each of its processes 15 MB.
 */
const jsonSchemaSchema = z.record(z.string(), z.unknown())

const versionDescriptionSchema = z.object({
  task: z.string(),
  description: z.string(),
  /** of one row */
  inputSchema: jsonSchemaSchema,
  /** of one row */
  outputSchema: jsonSchemaSchema,
  /** a full input, valid by the input schema; null where none was given and a made-up one would be over 16 KB */
  example: z.unknown(),
  batching: z.object({
    enabled: z.boolean(),
    /** the most rows of one run; a longer `run` is split by the executor */
    maxRows: z.int(),
    maxWaitMs: z.number(),
    /** why rows don't share a run */
    reason: z.string().optional(),
  }),
  /** the execution providers in use */
  providers: z.array(z.string()),
  warnings: z.array(z.string()),
  /** resident memory of the executor after warm-up */
  memoryBytes: z.int(),
  /** measured at warm-up; `batchMs` is of one run of `batchRows` rows */
  timing: z.object({ oneRowMs: z.number(), batchRows: z.int(), batchMs: z.number() }),
})

/** What the worker reads. */
export const fromExecutorSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('loaded'), description: versionDescriptionSchema }),
  /** `stack` is that of a defect of ours, which is refused like a model that can't be served */
  z.object({ type: z.literal('refused'), reason: z.string(), stack: z.string().optional() }),
  /** results in row order; `runMs` is the time from the message's turn to its answer */
  z.object({ type: z.literal('ran'), runId: z.int(), results: z.array(rowResultSchema), runMs: z.number() }),
  /** ONNX Runtime threw: any of the rows may be guilty */
  z.object({ type: z.literal('run-failed'), runId: z.int(), detail: z.string() }),
])

export type VersionDescription = z.infer<typeof versionDescriptionSchema>
export type FromExecutor = z.infer<typeof fromExecutorSchema>

/** What the executor reads. `threads` are ONNX Runtime's own, within one run. */
export type ToExecutor =
  | { type: 'load'; definition: ModelDefinition; threads: number }
  | { type: 'run'; runId: number; rows: unknown[] }
