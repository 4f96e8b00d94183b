import { rowFormats } from '../../packages/shared/src/contract/batch-record.ts'
import type { RowFormat } from '../../packages/shared/src/contract/batch-record.ts'

const contentTypes: Record<RowFormat, string> = {
  jsonl: 'application/jsonl',
  csv: 'text/csv',
  parquet: 'application/vnd.apache.parquet',
}

const encodings: Record<string, 'gzip' | 'zstd'> = { gz: 'gzip', zst: 'zstd' }

export const contentTypeOf = (format: RowFormat) => contentTypes[format]

export const isRowFormat = (text: string): text is RowFormat => rowFormats.some((format) => format === text)

/** What a name like `rows.csv.gz` tells of the bytes behind it. */
export const readFileName = (
  path: string,
): { format: RowFormat | undefined; encoding: 'gzip' | 'zstd' | undefined } => {
  const extensions = path.toLowerCase().split('.').slice(1)
  const encoding = encodings[extensions.at(-1) ?? '']
  const extension = extensions.at(encoding ? -2 : -1) ?? ''
  const name = extension === 'ndjson' ? 'jsonl' : extension
  return { format: isRowFormat(name) ? name : undefined, encoding }
}
