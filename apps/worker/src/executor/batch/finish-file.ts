import type { Segment, Storage } from '@onqueue/shared/storage'
import type { BatchFile } from './batch-file.ts'
import type { FileRows } from './file-rows.ts'
import { putBytes } from './put-bytes.ts'

/** A file of which all chunks are scored: the parts of its output, and where in the storage what that ends with is put. */
export type FinishWork = { file: BatchFile; parts: Segment[]; footerName: string }

/** Puts what the output ends with, and resolves to how long that is. */
export const finishFile = async ({
  storage,
  rows,
  parts,
  footerName,
}: FinishWork & { storage: Storage; rows: FileRows }): Promise<number> => {
  const footer = await rows.writer.footer?.(parts)
  if (!footer || footer.length === 0) return 0
  await putBytes(storage, footerName, footer)
  return footer.length
}
