import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AsyncBuffer } from 'hyparquet'

/** One of the files that `fixtures/make.py` makes. */
export const readFixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures', name))

/** Bytes as a file that is read piece by piece. */
export const asFile = (bytes: Buffer): AsyncBuffer => ({
  byteLength: bytes.length,
  slice: (start, end) => new Uint8Array(bytes.subarray(start, end)).buffer,
})
