import type { Readable } from 'node:stream'
import { bytesOfSegments } from '@onqueue/shared'
import type { BatchRecord, BatchStore, ByteRange, Segment } from '@onqueue/shared'
import { headerOf, readParts } from './read-output.ts'
import type { PartKind } from './read-output.ts'
import type { UntilLater } from './until-later.ts'

/**
 * The bytes of an output, or of the errors, as chunks are done, to the end of the batch. It ends when the batch has completed and
 * all of it was given, and at no other time: it rejects where the batch ends in another way, is gone, can't be read, or this process
 * stops. So whoever has an end has the whole.
 *
 * Of no format that is read like this may anything be sent while nothing is done, so nothing is.
 */
export type StreamParts = (
  record: BatchRecord,
  kind: PartKind,
  signal: AbortSignal,
) => AsyncGenerator<Uint8Array, void>

export const createStreamParts = ({
  store,
  read,
  openParts,
  untilLater,
  closing,
}: {
  store: Pick<BatchStore, 'readDone'>
  /** Throws where it is gone. */
  read: (id: string, owner: string) => Promise<BatchRecord>
  openParts: (record: BatchRecord, segments: readonly Segment[], range: ByteRange) => Promise<Readable>
  untilLater: UntilLater
  /** this process stops */
  closing: AbortSignal
}): StreamParts =>
  async function* (start, kind, signal) {
    let record = start
    let next = 0
    let owesHeader = kind === 'output'
    for (;;) {
      const header = owesHeader ? headerOf(record) : []
      owesHeader &&= header.length === 0
      const found = await readParts(store, record, { kind, from: next })
      const segments = [...header, ...found.parts]
      const bytes = bytesOfSegments(segments)
      if (bytes > 0) yield* await openParts(record, segments, { start: 0, end: bytes })
      next = found.next
      if (record.end?.status === 'completed' && next === record.counts.chunks) return
      if (record.end) throw new Error(`the batch is ${record.end.status}, and this is not all of it`)
      closing.throwIfAborted()
      await untilLater(record.about.model, signal)
      signal.throwIfAborted()
      record = await read(record.id, record.about.owner)
    }
  }
