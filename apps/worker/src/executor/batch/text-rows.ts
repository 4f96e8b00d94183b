import { byteOrderMarkLength, planColumnsOf, readCsvHeader, refuseOtherKinds } from '@onqueue/shared/rows'
import type { TextFormat } from '@onqueue/shared/rows'
import { bytesOfSegments, openSegments } from '@onqueue/shared/storage'
import type { Storage } from '@onqueue/shared/storage'
import type { Task } from '../../tasks/task.ts'
import type { BatchFile } from './batch-file.ts'
import type { RowParser } from './batch-row.ts'
import { createCsvParser } from './csv-scanner.ts'
import type { FileReader } from './file-rows.ts'
import { createJsonlParser } from './jsonl-reader.ts'
import { chunkLimits, planChunks } from './plan-chunks.ts'
import { createRecordSource } from './record-source.ts'

/** Longer than a row may be, so that a header that is too long is told from one that is whole. */
const headBytes = 1_048_576 + 1024

/** Reads a file whose rows are records. Throws `InvalidFile` where it begins as none that the model has rows of. */
export const openTextRows = async (
  storage: Pick<Storage, 'openRange'>,
  file: BatchFile,
  { format, task }: { format: TextFormat; task: Task },
): Promise<FileReader> => {
  const fileBytes = bytesOfSegments(file.input)
  const headEnd = Math.min(headBytes, fileBytes)
  const head = Buffer.concat(
    await Array.fromAsync(await openSegments(storage, file.input, { start: 0, end: headEnd })),
  )
  refuseOtherKinds(head)
  const { parser, begin } = openParser(head, file, { format, task })
  return {
    ids: 'text',
    plan: async function* (from, rowMs) {
      const cursor = from.chunk === 0 ? { ...from, ...begin } : from
      const source = await openSegments(storage, file.input, { start: cursor.offset, end: fileBytes })
      try {
        yield* planChunks({ format, source, cursor, limits: chunkLimits({ fileBytes, rowMs }) })
      } finally {
        source.destroy()
      }
    },
    open: async (chunk) => {
      const { offset, length } = chunk
      const bytes = await openSegments(storage, file.input, { start: offset, end: offset + length })
      return {
        source: createRecordSource({ format, parser, chunk, bytes }),
        close: () => void bytes.destroy(),
      }
    },
  }
}

type Parser = { parser: RowParser; begin: { offset: number; line: number } }

const openParser = (
  head: Buffer,
  { idColumn, extraColumns }: BatchFile,
  { format, task }: { format: TextFormat; task: Task },
): Parser => {
  const ids = idColumn === null ? {} : { idColumn }
  if (format === 'jsonl')
    return { parser: createJsonlParser(ids), begin: { offset: byteOrderMarkLength(head), line: 1 } }
  const { names, ...begin } = readCsvHeader(head)
  const plan = planColumnsOf(names, task.inputSchema, { ...ids, extraColumns })
  return { parser: createCsvParser(plan), begin }
}
