import { Readable } from 'node:stream'
import type { ReusedBuffers } from './reused-buffers.ts'
import type { ByteRange, Storage } from './storage.ts'

/** Something in the storage, and how long it is. */
export type Segment = { name: string; bytes: number }

export const bytesOfSegments = (segments: readonly Segment[]) =>
  segments.reduce((sum, { bytes }) => sum + bytes, 0)

/**
 * Opens some bytes of what several segments are together, one behind the other, as if it were one: nothing is copied. A
 * segment is opened when the one before it was read; that the first is there is known when this resolves. Whoever opens
 * destroys.
 */
export const openSegments = async (
  storage: Pick<Storage, 'openRange'>,
  segments: readonly Segment[],
  range: ByteRange,
  buffers?: ReusedBuffers,
): Promise<Readable> => {
  const [first, ...others] = planSlices(segments, range)
  if (!first) return Readable.from([])
  let current = await storage.openRange(first.name, first, buffers)
  if (others.length === 0) return current
  const readAll = async function* () {
    yield* current
    for (const slice of others) {
      current = await storage.openRange(slice.name, slice, buffers)
      yield* current
    }
  }
  const all = Readable.from(readAll(), { objectMode: false })
  // a generator that was never asked ends without its `finally`
  return all.once('close', () => current.destroy())
}

/** Which bytes of which segments a range is, without those that it has nothing of. */
export const planSlices = (
  segments: readonly Segment[],
  { start, end }: ByteRange,
): (ByteRange & { name: string })[] => {
  let offset = 0
  return segments.flatMap(({ name, bytes }) => {
    const slice = { name, start: Math.max(0, start - offset), end: Math.min(bytes, end - offset) }
    offset += bytes
    return slice.start < slice.end ? [slice] : []
  })
}
