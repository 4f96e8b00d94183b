import type { AsyncBuffer, PageHeader } from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'
import { skipStruct } from './skip-struct.ts'

/** A header with long texts as statistics is longer, and read again. */
const usualHeaderBytes = 8192
const maxHeaderBytes = 1_048_576

/** Reads the pages of a column chunk one by one; a page that nobody asks for costs no more than its header. */
export class ChunkPages {
  readonly #bytes: AsyncBuffer
  readonly #end: number
  /** of the next header, or the body behind the last one */
  #position: number
  #bodyBytes = 0
  /** what was read of the file last */
  #window = new Uint8Array()
  #windowStart = 0

  constructor(bytes: AsyncBuffer, { start, end }: { start: number; end: number }) {
    this.#bytes = bytes
    this.#position = start
    this.#end = end
  }

  /** The header of the next page; undefined where there is none. Throws a `RangeError` where it can't be right. */
  async nextHeader(): Promise<PageHeader | undefined> {
    this.#position += this.#bodyBytes
    this.#bodyBytes = 0
    if (this.#position >= this.#end) return undefined
    const { header, length } =
      tryParse(await this.#read(usualHeaderBytes)) ?? parse(await this.#read(maxHeaderBytes))
    this.#position += length
    const { compressed_page_size: size } = header
    if (!sizesOf(header).every(isSize) || size > this.#end - this.#position) {
      throw new RangeError('a page of an impossible size')
    }
    this.#bodyBytes = size
    return header
  }

  /** What is behind the last header. */
  async body(): Promise<Uint8Array> {
    // the next header comes with it
    const bytes = await this.#read(this.#bodyBytes + usualHeaderBytes, this.#bodyBytes)
    return bytes.subarray(0, this.#bodyBytes)
  }

  /** Bytes from the position on, as many as asked for where there are so many; at least `needed` come from what was read before. */
  async #read(length: number, needed = length) {
    const start = this.#position
    const end = Math.min(this.#end, start + length)
    const windowEnd = this.#windowStart + this.#window.length
    if (start < this.#windowStart || Math.min(this.#end, start + needed) > windowEnd) {
      this.#window = new Uint8Array(await this.#bytes.slice(start, end))
      this.#windowStart = start
      if (this.#window.length < end - start) throw new RangeError('the file is shorter than it was')
    }
    return this.#window.subarray(start - this.#windowStart, end - this.#windowStart)
  }
}

/** All that is counted by, of whatever type the file has it. */
const sizesOf = (header: PageHeader): unknown[] => {
  const { data_page_header: one, data_page_header_v2: two, dictionary_page_header: dictionary } = header
  return [
    header.compressed_page_size,
    header.uncompressed_page_size,
    ...(one ? [one.num_values] : []),
    ...(two ? [two.num_values, two.num_rows] : []),
    ...(two ? [two.repetition_levels_byte_length, two.definition_levels_byte_length] : []),
    ...(dictionary ? [dictionary.num_values] : []),
  ]
}

const isSize = (size: unknown): size is number =>
  typeof size === 'number' && Number.isInteger(size) && size >= 0

const tryParse = (bytes: Uint8Array) => {
  try {
    return parse(bytes)
  } catch {
    return undefined
  }
}

const parse = (bytes: Uint8Array) => {
  const length = skipStruct(bytes, 0)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { header: parquetHeader({ view, offset: 0 }), length }
}
