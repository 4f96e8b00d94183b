import { crc32 } from 'node:zlib'
import { AppError, errorsPartName, footerName, headerName, outputPartName } from '@onqueue/shared'
import type { BatchRecord, BatchStore, DoneChunk, Segment } from '@onqueue/shared'

/** What there is of a file that is made of parts: one behind the other, and whether there will be more of it. */
export type PartFile = { segments: Segment[]; bytes: number; isComplete: boolean; etag: string }

/** Chunks are looked up for so many at once. */
const maxAtOnce = 1000

/**
 * Output of a batch: what it begins with, the parts of its first chunks up to the first that is not done, and what it ends with.
 * Throws `output_incomplete` for a Parquet file that has no end (yet), and `result_expired` where Redis lost what became of chunks.
 */
export const readOutput = async (
  store: Pick<BatchStore, 'readDone' | 'countDone'>,
  record: BatchRecord,
): Promise<PartFile> => {
  const { id, about, headerBytes, footerBytes, end } = record
  if (about.outputFormat === 'parquet' && end?.status !== 'completed') throw outputIncomplete(record)
  const header = headerBytes ? [{ name: headerName(id), bytes: headerBytes }] : []
  const read = await readParts(store, record, header, (chunk, { bytes }) => ({
    name: outputPartName(id, chunk),
    bytes,
  }))
  if (!footerBytes) return read
  const segments = [...read.segments, { name: footerName(id), bytes: footerBytes }]
  return { ...read, segments, bytes: read.bytes + footerBytes }
}

const outputIncomplete = ({ end }: BatchRecord) =>
  new AppError(
    'output_incomplete',
    end
      ? 'the batch ended before its output was complete, and what there is of it is no Parquet file; ask for output_format=csv or jsonl, of which each part can be read'
      : 'a Parquet file can be read when its batch has completed; wait for that, or ask for output_format=csv or jsonl, which can be read while it runs',
    end ? {} : { retryAfterSeconds: 5 },
  )

const partsLost = () =>
  new AppError(
    'result_expired',
    'redis lost what is known of the parts of this batch, so they can not be read any more; score its file again',
  )

/** The same of the errors of its rows. */
export const readErrors = (
  store: Pick<BatchStore, 'readDone' | 'countDone'>,
  record: BatchRecord,
): Promise<PartFile> =>
  readParts(store, record, [], (chunk, { errorBytes }) => ({
    name: errorsPartName(record.id, chunk),
    bytes: errorBytes,
  }))

const readParts = async (
  store: Pick<BatchStore, 'readDone' | 'countDone'>,
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
  // one that goes on begins anew then
  if (end && chunk < counts.chunks && (await store.countDone(id)) < counts.doneChunks) throw partsLost()
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0)
  const isComplete = end !== null
  return { segments, bytes, isComplete, etag: `"${chunk}-${bytes}-${digest.toString(16)}"` }
}
