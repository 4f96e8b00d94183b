import { versionInterfaceSchema } from '@onqueue/shared/contract'
import { z } from 'zod'
import type { ModelDefinition } from '../repository/model-definition.ts'

/**
 * What worker and executor say to each other.
 *
 *     worker                         executor
 *       │ load ──────────────────────▶ │  over the child's IPC channel, while nothing else is under way; gives the
 *       │ ◀─────── loaded, refused or load-failed         version a place, by which it is called from then on
 *       │ run ───────────────────────▶ │  any number, over a pipe (run-messages.ts); two or more may be under way:
 *       │ ◀──────────── ran or failed  │  they are run one after the other and answered in order
 *       │ unload ────────────────────▶ │  not answered
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
  /** what the version has of the resident memory of its executor, after warm-up: all of it if it was the first to be loaded */
  memoryBytes: z.int(),
  /** by how much the executor grew */
  grownBytes: z.int(),
  /** the most that it was while the model was loaded */
  peakBytes: z.int(),
  /** measured at warm-up, without waits for a core; `batchMs` is of one run of `batchRows` rows */
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
])

export type FromExecutor = z.infer<typeof fromExecutorSchema>

/** What the executor reads. `threads` are ONNX Runtime's own, within one run. */
export type ToExecutor =
  | { type: 'load'; place: number; definition: ModelDefinition; threads: number }
  | { type: 'unload'; place: number }
