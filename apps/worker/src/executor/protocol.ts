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
 *       │ prove ─────────────────────▶ │  at any time: whether rows may share a run, by those that ran meanwhile
 *       │ ◀───────────────────── proven   between runs, as it comes to it
 *       │ share ─────────────────────▶ │  not answered: so many rows may, as was shown in another executor
 *       │ unload ────────────────────▶ │  not answered
 *
 * The executor only imports the types: zod would cost each of its processes 15 MB.
 */
const { batching } = versionInterfaceSchema.shape

/** Whether rows may share a run. */
const verdictSchema = z.object({
  maxRows: z.int(),
  /** why they must not, or are not known to */
  reason: z.string().nullable(),
  /** other rows may show that they may */
  isUndecided: z.boolean(),
})
export type Verdict = z.infer<typeof verdictSchema>

const loadedSchema = z.object({
  type: z.literal('loaded'),
  /** what the version offers, but for what the worker knows from `model.yaml` */
  found: versionInterfaceSchema
    .omit({ task: true, description: true, takesBatches: true })
    .extend({ batching: batching.omit({ maxWaitMs: true }) }),
  /** whether rows may share a run is not known: rows that run may show it */
  isUndecided: z.boolean(),
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
  z.object({ type: z.literal('proven'), place: z.int(), verdict: verdictSchema }),
])

export type FromExecutor = z.infer<typeof fromExecutorSchema>
export type LoadAnswer = Exclude<FromExecutor, { type: 'proven' }>

/** What the executor reads. `threads` are ONNX Runtime's own, within one run. */
export type ToExecutor =
  | { type: 'load'; place: number; definition: ModelDefinition; threads: number }
  | { type: 'prove'; place: number }
  | { type: 'share'; place: number; maxRows: number }
  | { type: 'unload'; place: number }
