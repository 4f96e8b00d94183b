import { z } from 'zod'
import type { ModelDefinition } from '../../repository/model-definition.ts'
import type { FinishWork } from './finish-file.ts'
import type { PlanWork } from './plan-file.ts'
import type { ScoreOptions } from './score-chunk.ts'
import type { ChunkWork } from './score-to-storage.ts'

/**
 * What worker and batch executor say to each other. Rows are no part of it: they go from the storage to the storage.
 *
 *     worker                         batch executor
 *       │ load ──────────────────────▶ │  once, first
 *       │ ◀─────── loaded, refused or load-failed
 *       │ score ─────────────────────▶ │  one thing at a time
 *       │ ◀──────────────────────── at    before rows run: whoever ends the process, or hangs, is one of them
 *       │ ◀─────────────────────── ran    when those of a micro-batch have: none are under way
 *       │ ◀──────────────────── scored
 *       │ plan ──────────────────────▶ │
 *       │ ◀─────────────────── planned    some chunks, the last ones with `isLast`
 *       │ go-on ─────────────────────▶ │  unless they were the last
 *       │ finish ────────────────────▶ │  when all chunks are scored
 *       │ ◀────────────────── finished
 *       │ stop ──────────────────────▶ │  in the middle of either
 *       │ ◀─────────────────── stopped
 *       │ ◀──────────────────── failed    or in place of `scored` and `planned`
 *
 * The executor only imports the types: zod would cost each of its processes 15 MB.
 */
export type ToBatchExecutor =
  | {
      type: 'load'
      definition: ModelDefinition
      threads: number
      storageRoot: string
      /** as many rows are to run together, if they may */
      microBatchRows: number
    }
  | ({ type: 'score'; convicted: ScoreOptions['convicted']; careful: ScoreOptions['careful'] } & ChunkWork)
  | ({ type: 'plan' } & PlanWork)
  | ({ type: 'finish' } & FinishWork)
  | { type: 'go-on' }
  | { type: 'stop' }

const cursorSchema = z.object({ chunk: z.int(), offset: z.int(), row: z.int(), line: z.int() })
const chunkSchema = z.object({
  offset: z.int(),
  length: z.int(),
  firstRow: z.int(),
  rows: z.int(),
  firstLine: z.int(),
})
const chunkScoreSchema = z.object({
  rows: z.int(),
  failed: z.int(),
  bytes: z.int(),
  errorBytes: z.int(),
  crc: z.int(),
  isStopped: z.boolean(),
})

/** What the worker reads. */
export const fromBatchExecutorSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('loaded'),
    /** so many rows run together, at the most */
    microBatchRows: z.int(),
    providers: z.array(z.string()),
  }),
  /** the reason lies in the files of the version */
  z.object({ type: z.literal('refused'), reason: z.string() }),
  /** the reason lies elsewhere, so that another try may do better */
  z.object({ type: z.literal('load-failed'), reason: z.string(), stack: z.string().optional() }),
  z.object({ type: z.literal('at'), row: z.int(), rows: z.int() }),
  z.object({ type: z.literal('ran') }),
  z.object({ type: z.literal('scored'), score: chunkScoreSchema }),
  z.object({
    type: z.literal('planned'),
    step: z.object({
      chunks: z.array(chunkSchema),
      cursor: cursorSchema,
      isLast: z.boolean(),
      headerBytes: z.int(),
      rowMs: z.number(),
    }),
  }),
  z.object({ type: z.literal('finished'), footerBytes: z.int() }),
  z.object({ type: z.literal('stopped') }),
  z.object({
    type: z.literal('failed'),
    /** the file's fault, the storage's, or a defect of ours */
    why: z.enum(['invalid_file', 'storage_full', 'storage_unavailable', 'defect']),
    message: z.string(),
    stack: z.string().optional(),
  }),
])

export type FromBatchExecutor = z.infer<typeof fromBatchExecutorSchema>
