/**
 * Frames: bytes with their length before them (4 bytes, little endian), so that a stream of bytes is a row of messages.
 */
const lengthBytes = 4

/** A frame of a head, whose bytes the caller fills in from `headStart` on, and a text behind it. */
export const makeFrame = (headBytes: number, text: string) => {
  const frame = Buffer.allocUnsafe(lengthBytes + headBytes + Buffer.byteLength(text))
  frame.writeUInt32LE(frame.length - lengthBytes, 0)
  frame.write(text, headStart + headBytes)
  return frame
}

export const headStart = lengthBytes

/** Puts frames together of the pieces in which they come. */
export class FrameReader {
  readonly #onFrame: (content: Buffer) => void
  #pieces: Buffer[] = []
  #bytes = 0

  constructor(onFrame: (content: Buffer) => void) {
    this.#onFrame = onFrame
  }

  push(piece: Buffer) {
    this.#pieces.push(piece)
    this.#bytes += piece.length
    for (let content = this.#take(); content !== undefined; content = this.#take()) this.#onFrame(content)
  }

  /** The content of the first frame, where all of it is there. */
  #take() {
    if (this.#bytes < lengthBytes) return undefined
    if ((this.#pieces[0]?.length ?? 0) < lengthBytes) this.#join()
    const end = lengthBytes + (this.#pieces[0]?.readUInt32LE(0) ?? 0)
    if (this.#bytes < end) return undefined
    const all = this.#join()
    this.#pieces = all.length === end ? [] : [all.subarray(end)]
    this.#bytes -= end
    return all.subarray(lengthBytes, end)
  }

  #join() {
    const [only = Buffer.alloc(0)] = this.#pieces
    const all = this.#pieces.length === 1 ? only : Buffer.concat(this.#pieces)
    this.#pieces = [all]
    return all
  }
}
