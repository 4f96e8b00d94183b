import { InvalidFile } from './invalid-file.ts'

/** Formats that are often sent for another, by how their files begin. */
const kinds: { begins: string; is: string; advice: string }[] = [
  { begins: 'PAR1', is: 'Parquet', advice: "add -H 'content-type: application/vnd.apache.parquet'" },
  { begins: '\x1f\x8b', is: 'gzip', advice: "add -H 'content-encoding: gzip'" },
  { begins: '\x28\xb5\x2f\xfd', is: 'zstd', advice: "add -H 'content-encoding: zstd'" },
  { begins: 'PK\x03\x04', is: 'a ZIP archive, as spreadsheets are', advice: 'save it as CSV' },
  { begins: '\xd0\xcf\x11\xe0', is: 'an old spreadsheet', advice: 'save it as CSV' },
  { begins: '\x89PNG', is: 'a PNG image', advice: 'send rows as CSV or JSONL' },
  { begins: '\xff\xd8\xff', is: 'a JPEG image', advice: 'send rows as CSV or JSONL' },
  { begins: '%PDF', is: 'a PDF document', advice: 'send rows as CSV or JSONL' },
  { begins: '\xff\xfe', is: 'UTF-16', advice: 'save it as UTF-8' },
  { begins: '\xfe\xff', is: 'UTF-16', advice: 'save it as UTF-8' },
]

/** Throws `InvalidFile` where bytes that should begin a text of rows begin a file of another kind. */
export const refuseOtherKinds = (head: Buffer) => {
  const beginning = head.toString('latin1', 0, 8)
  const kind = kinds.find(({ begins }) => beginning.startsWith(begins))
  if (kind) throw new InvalidFile(`the file is ${kind.is}; ${kind.advice}`)
}
