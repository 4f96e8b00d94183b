import type { Storage } from '@onqueue/shared/storage'
import type { BatchFile } from './batch-file.ts'
import type { FileRows } from './file-rows.ts'
import { putBytes } from './put-bytes.ts'
import type { Chunk, PlanCursor } from './plan-chunks.ts'

/**
 * What planning came to: `cursor` is where it goes on. `headerBytes`: of what the output begins with. `rowMs`: what a row takes, by
 * which it was planned.
 */
export type PlanStep = {
  chunks: Chunk[]
  cursor: PlanCursor
  isLast: boolean
  headerBytes: number
  rowMs: number
}

/** A file, where to go on with it, and where in the storage what the output begins with is put. */
export type PlanWork = {
  file: BatchFile
  cursor: PlanCursor
  headerName: string
  /** what a row takes by an earlier plan, if there was one: the file is cut into the same chunks as by that */
  rowMs: number | undefined
}

const mostChunks = 200
/** Whoever waits for chunks has them by then. */
const stepMs = 500

/**
 * Plans a file in the storage, step by step, from a cursor on. At the very beginning of the file what the output begins with is
 * put, if there is such a thing. `onStep` is awaited; false from it ends the planning. Throws `InvalidFile`.
 */
export const planFile = async ({
  storage,
  rows,
  rowMs,
  cursor: from,
  headerName,
  onStep,
}: Omit<PlanWork, 'rowMs'> & {
  storage: Storage
  rows: FileRows
  rowMs: number
  onStep: (step: PlanStep) => Promise<boolean>
}): Promise<void> => {
  const header = Buffer.from(rows.writer.header)
  let cursor = from
  let chunks: Chunk[] = []
  let stepBegan = performance.now()
  const step = (isLast: boolean) => onStep({ chunks, cursor, isLast, headerBytes: header.length, rowMs })

  if (from.chunk === 0 && header.length > 0) await putBytes(storage, headerName, header)
  for await (const next of rows.reader.plan(from, rowMs)) {
    // only once there is another chunk it is known that a step is not the last
    if (chunks.length >= mostChunks || (chunks.length > 0 && performance.now() - stepBegan >= stepMs)) {
      if (!(await step(false))) return
      chunks = []
      stepBegan = performance.now()
    }
    chunks.push(next.chunk)
    cursor = next.cursor
  }
  await step(true)
}
