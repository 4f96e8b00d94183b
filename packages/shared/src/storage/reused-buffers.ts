/**
 * Buffers that are read into again. Bytes on their way through a process are many, and no chunk of them lives for long: a new
 * buffer for each has V8 look through its whole heap every 30 MB, and the system clear the pages of each.
 *
 * Who has sent a chunk gives it back, that very object; one that is not given back is collected as others are. What was given
 * back is written over.
 */
export class ReusedBuffers {
  readonly #bytes: number
  readonly #free: Buffer[] = []
  readonly #lent = new WeakMap<Uint8Array, Buffer>()

  constructor(bytes: number) {
    this.#bytes = bytes
  }

  /** A chunk of what `read` has put into a buffer, from its beginning on; it resolves to how many bytes that was. */
  async fill(read: (buffer: Buffer) => Promise<number>): Promise<Buffer> {
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bytes)
    const chunk = buffer.subarray(0, await read(buffer))
    this.#lent.set(chunk, buffer)
    return chunk
  }

  /** Of a chunk that is none of these, or was given back before, nothing follows. */
  giveBack(chunk: unknown) {
    const buffer = chunk instanceof Uint8Array ? this.#lent.get(chunk) : undefined
    if (!buffer || !(chunk instanceof Uint8Array)) return
    this.#lent.delete(chunk)
    this.#free.push(buffer)
  }
}
