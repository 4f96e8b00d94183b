import { planColumnsOf, readCsvHeader, refuseOtherKinds } from '@onqueue/shared/rows'
import { bytesOfSegments, openSegments } from '@onqueue/shared/storage'
import type { Storage } from '@onqueue/shared/storage'
import type { Task } from '../../tasks/task.ts'
import type { BatchFile } from './batch-file.ts'
import type { RowParser } from './batch-row.ts'
import { createCsvParser } from './csv-scanner.ts'
import { createCsvWriter } from './csv-writer.ts'
import { createJsonlParser } from './jsonl-reader.ts'
import { createJsonlWriter } from './jsonl-writer.ts'
import type { RowWriter } from './row-writer.ts'

/** How the rows of a file are read and written, and where they begin. */
export type FileRows = { parser: RowParser; writer: RowWriter; begin: { offset: number; line: number } }

/** Longer than a row may be, so that a header that is too long is told from one that is whole. */
const headBytes = 1_048_576 + 1024

/** The formats are chosen here. Throws `InvalidFile` where the file begins as none that the model has rows of. */
export const openRows = async (
  storage: Pick<Storage, 'openRange'>,
  file: BatchFile,
  task: Task,
): Promise<FileRows> => {
  const head = await readHead(storage, file)
  refuseOtherKinds(head)
  return { ...openReader(head, file, task), writer: openWriter(file, task) }
}

const openReader = (
  head: Buffer,
  { inputFormat, idColumn, extraColumns }: BatchFile,
  task: Task,
): Omit<FileRows, 'writer'> => {
  const ids = idColumn === null ? {} : { idColumn }
  switch (inputFormat) {
    case 'jsonl':
      return { parser: createJsonlParser(ids), begin: { offset: byteOrderMarkOf(head), line: 1 } }
    case 'csv': {
      const { names, ...begin } = readCsvHeader(head)
      return {
        parser: createCsvParser(planColumnsOf(names, task.inputSchema, { ...ids, extraColumns })),
        begin,
      }
    }
  }
}

const openWriter = ({ outputFormat, idColumn }: BatchFile, { outputSchema }: Task): RowWriter => {
  switch (outputFormat) {
    case 'jsonl':
      return createJsonlWriter(outputSchema)
    case 'csv':
      return createCsvWriter(outputSchema, { hasIds: idColumn !== null })
  }
}

const readHead = async (storage: Pick<Storage, 'openRange'>, { input }: BatchFile) => {
  const end = Math.min(headBytes, bytesOfSegments(input))
  return Buffer.concat(await Array.fromAsync(await openSegments(storage, input, { start: 0, end })))
}

const byteOrderMarkOf = (head: Buffer) =>
  head.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])) ? 3 : 0
