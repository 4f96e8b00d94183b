import { versionInterfaceSchema } from '@onqueue/shared/contract'
import { z } from 'zod'
import { rowResultSchema } from '../tasks/row-result.ts'
import type { ModelDefinition } from '../repository/model-definition.ts'

/**
 * What worker and executor say to each other over the child's IPC channel (`serialization: 'advanced'`).
 *
 *     worker                         executor
 *       │ load ──────────────────────▶ │  once, first
 *       │ ◀─────── loaded, refused or load-failed
 *       │ run ───────────────────────▶ │  any number, two or more may be under way;
 *       │ ◀──────── ran or run-failed  │  they are run one after the other and answered in order
 *
 * The executor only imports the types: zod would cost each of its processes 15 MB.
 */
const { batching } = versionInterfaceSchema.shape

const loadedSchema = z.object({
  type: z.literal('loaded'),
  /** what the version offers, but for what the worker knows from `model.yaml` */
  found: versionInterfaceSchema
    .omit({ task: true, description: true })
    .extend({ batching: batching.omit({ maxWaitMs: true }) }),
  /** resident memory of the executor after warm-up */
  memoryBytes: z.int(),
  /** the most that it was while the model was loaded */
  peakBytes: z.int(),
  /** measured at warm-up; `batchMs` is of one run of `batchRows` rows */
  timing: z.object({ oneRowMs: z.number(), batchRows: z.int(), batchMs: z.number() }),
})
export type Loaded = z.infer<typeof loadedSchema>

/** What the worker reads. */
export const fromExecutorSchema = z.discriminatedUnion('type', [
  loadedSchema,
  /** the reason lies in the files of the version */
  z.object({ type: z.literal('refused'), reason: z.string() }),
  /** the reason lies elsewhere, so that another try may do better */
  z.object({ type: z.literal('load-failed'), reason: z.string(), stack: z.string().optional() }),
  /** results in row order; `runMs` is the time from the message's turn to its answer */
  z.object({ type: z.literal('ran'), runId: z.int(), results: z.array(rowResultSchema), runMs: z.number() }),
  /** ONNX Runtime threw: any of the rows may be guilty */
  z.object({ type: z.literal('run-failed'), runId: z.int(), detail: z.string() }),
])

export type FromExecutor = z.infer<typeof fromExecutorSchema>

/** What the executor reads. `threads` are ONNX Runtime's own, within one run. */
export type ToExecutor =
  | { type: 'load'; definition: ModelDefinition; threads: number }
  | { type: 'run'; runId: number; rows: unknown[] }
