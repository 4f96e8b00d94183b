/** The first bytes of a source, up to so many, and the source with them in front. */
export const peek = async (
  source: AsyncIterable<Uint8Array>,
  bytes: number,
): Promise<{ head: Buffer; content: AsyncIterable<Uint8Array> }> => {
  const chunks = source[Symbol.asyncIterator]()
  const read: Uint8Array[] = []
  let length = 0
  while (length < bytes) {
    const { done, value } = await chunks.next()
    if (done) break
    read.push(value)
    length += value.byteLength
  }
  const content = async function* () {
    try {
      yield* read
      read.length = 0
      for (;;) {
        const { done, value } = await chunks.next()
        if (done) return
        yield value
      }
    } finally {
      await chunks.return?.()
    }
  }
  return { head: Buffer.concat(read).subarray(0, bytes), content: content() }
}
