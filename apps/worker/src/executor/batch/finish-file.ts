import type { Segment, Storage } from '@onqueue/shared/storage'
import type { BatchFile } from './batch-file.ts'
import type { FileRows } from './file-rows.ts'
import { putBytes } from './put-bytes.ts'

/**
 * A file of which all chunks are scored: the parts of its output, and where in the storage what that ends with is put, and what it
 * begins with where that is gone.
 */
export type FinishWork = {
  file: BatchFile
  parts: Segment[]
  headerName: string | undefined
  footerName: string
}

/** Puts what is missing of the output around its parts, and resolves to how long what it ends with is. */
export const finishFile = async ({
  storage,
  rows,
  parts,
  headerName,
  footerName,
}: FinishWork & { storage: Storage; rows: FileRows }): Promise<number> => {
  if (headerName !== undefined) await putBytes(storage, headerName, Buffer.from(rows.writer.header))
  const footer = await rows.writer.footer?.(parts)
  if (!footer || footer.length === 0) return 0
  await putBytes(storage, footerName, footer)
  return footer.length
}
