import { StoredJson } from '@onqueue/shared'

/** What is in memory of a stored text that is being sent, and what is asked of Redis at once. */
export const chunkBytes = 256 * 1024

/** Bytes of a JSON text of which parts are stored: as many as it will have when they are read. */
export const bytesOfParts = (parts: readonly (string | StoredJson)[]) =>
  parts.reduce((sum, part) => sum + (part instanceof StoredJson ? part.bytes : Buffer.byteLength(part)), 0)

/** A JSON text of which parts are stored, in chunks, each read when the one before was taken. */
export const chunksOf = async function* (
  parts: readonly (string | StoredJson)[],
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  for (const part of parts) {
    if (part instanceof StoredJson) {
      for (let start = 0; start < part.bytes; start += chunkBytes) {
        yield new Uint8Array(await part.slice(start, start + chunkBytes))
      }
    } else if (part !== '') yield new Uint8Array(Buffer.from(part))
  }
}

/**
 * The same as a stream that is read from Redis as fast as its reader takes it. Where a part is gone meanwhile it is too late
 * for an error: `onFailed` has to end the connection, so that nobody takes what was sent for the whole. `onEnd` is called
 * once, however it ends.
 */
export const streamParts = (
  parts: readonly (string | StoredJson)[],
  { onFailed, onEnd }: { onFailed: (err: unknown) => void; onEnd: () => void },
): ReadableStream<Uint8Array> => {
  const chunks = chunksOf(parts)
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const { done, value } = await chunks.next()
          if (!done) return controller.enqueue(value)
          controller.close()
        } catch (err) {
          onFailed(err)
          controller.close()
        }
        onEnd()
      },
      cancel: onEnd,
    },
    { highWaterMark: 0 },
  )
}
