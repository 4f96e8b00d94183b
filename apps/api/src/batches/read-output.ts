import { crc32 } from 'node:zlib'
import {
  AppError,
  bytesOfSegments,
  errorsPartName,
  footerName,
  headerName,
  outputPartName,
} from '@onqueue/shared'
import type { BatchRecord, BatchStore, DoneChunk, Segment } from '@onqueue/shared'

/** What there is of a file that is made of parts: one behind the other, and whether there will be more of it. */
export type PartFile = { segments: Segment[]; bytes: number; isComplete: boolean; etag: string }

/** What there is for each chunk. */
export type PartKind = 'output' | 'errors'

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
  const { id, about, footerBytes, end } = record
  if (about.outputFormat === 'parquet' && end?.status !== 'completed') throw outputIncomplete(record)
  const read = await readFile(store, record, 'output')
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
): Promise<PartFile> => readFile(store, record, 'errors')

/** What the output begins with; nothing before planning has begun. */
export const headerOf = ({ id, headerBytes }: BatchRecord): Segment[] =>
  headerBytes ? [{ name: headerName(id), bytes: headerBytes }] : []

const readFile = async (
  store: Pick<BatchStore, 'readDone' | 'countDone'>,
  record: BatchRecord,
  kind: PartKind,
): Promise<PartFile> => {
  const { parts, next, digest } = await readParts(store, record, { kind, from: 0 })
  const { id, counts, end } = record
  // one that goes on begins anew then
  if (end && next < counts.chunks && (await store.countDone(id)) < counts.doneChunks) throw partsLost()
  const segments = kind === 'output' ? [...headerOf(record), ...parts] : parts
  const bytes = bytesOfSegments(segments)
  const isComplete = end !== null
  return { segments, bytes, isComplete, etag: `"${next}-${bytes}-${digest.toString(16)}"` }
}

/** The parts of chunks from one on, up to the first that is not done, which is `next`. */
export const readParts = async (
  store: Pick<BatchStore, 'readDone'>,
  { id, counts: { chunks } }: BatchRecord,
  { kind, from }: { kind: PartKind; from: number },
): Promise<{ parts: Segment[]; next: number; digest: number }> => {
  const parts: Segment[] = []
  let digest = 0
  let next = from
  while (next < chunks) {
    const count = Math.min(maxAtOnce, chunks - next)
    const first = next
    const numbers = Array.from({ length: count }, (_, index) => first + index)
    for (const done of await store.readDone(id, numbers)) {
      if (!done) return { parts, next, digest }
      const part = toSegment(kind, { id, chunk: next, done })
      if (part.bytes > 0) parts.push(part)
      digest = crc32(JSON.stringify(done), digest)
      next += 1
    }
  }
  return { parts, next, digest }
}

const toSegment = (
  kind: PartKind,
  { id, chunk, done }: { id: string; chunk: number; done: DoneChunk },
): Segment =>
  kind === 'output'
    ? { name: outputPartName(id, chunk), bytes: done.bytes }
    : { name: errorsPartName(id, chunk), bytes: done.errorBytes }
