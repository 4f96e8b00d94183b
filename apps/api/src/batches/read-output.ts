import { crc32 } from 'node:zlib'
import { errorsPartName, headerName, outputPartName } from '@onqueue/shared'
import type { BatchRecord, BatchStore, DoneChunk, Segment } from '@onqueue/shared'

/** What there is of a file that is made of parts: one behind the other, and whether there will be more of it. */
export type PartFile = { segments: Segment[]; bytes: number; isComplete: boolean; etag: string }

/** Chunks are looked up for so many at once. */
const maxAtOnce = 1000

/** Output of a batch: what it begins with, and the parts of its first chunks up to the first that is not done. */
export const readOutput = (store: Pick<BatchStore, 'readDone'>, record: BatchRecord): Promise<PartFile> => {
  const { id, headerBytes } = record
  const header = headerBytes ? [{ name: headerName(id), bytes: headerBytes }] : []
  return readParts(store, record, header, (chunk, { bytes }) => ({ name: outputPartName(id, chunk), bytes }))
}

/** The same of the errors of its rows. */
export const readErrors = (store: Pick<BatchStore, 'readDone'>, record: BatchRecord): Promise<PartFile> =>
  readParts(store, record, [], (chunk, { errorBytes }) => ({
    name: errorsPartName(record.id, chunk),
    bytes: errorBytes,
  }))

const readParts = async (
  store: Pick<BatchStore, 'readDone'>,
  { id, counts, end }: BatchRecord,
  first: Segment[],
  toSegment: (chunk: number, done: DoneChunk) => Segment,
): Promise<PartFile> => {
  const segments = [...first]
  let digest = 0
  let chunk = 0
  for (let isUnbroken = true; isUnbroken && chunk < counts.chunks;) {
    const numbers = Array.from(
      { length: Math.min(maxAtOnce, counts.chunks - chunk) },
      (_, index) => chunk + index,
    )
    for (const done of await store.readDone(id, numbers)) {
      if (!done) {
        isUnbroken = false
        break
      }
      const segment = toSegment(chunk, done)
      if (segment.bytes > 0) segments.push(segment)
      digest = crc32(JSON.stringify(done), digest)
      chunk += 1
    }
  }
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0)
  const isComplete = end !== null
  return { segments, bytes, isComplete, etag: `"${chunk}-${bytes}-${digest.toString(16)}"` }
}
