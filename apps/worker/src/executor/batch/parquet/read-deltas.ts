import { unpack } from './read-runs.ts'

/** Integers, and where they end. */
type Deltas<Integers> = { values: Integers; end: number }

/**
 * Integers that are written as what each is more than the one before, in blocks with a least difference, in miniblocks of as
 * many bits as their largest needs. Throws a `RangeError` where the bytes are not enough, or say what can't be.
 *
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/#DELTAENC
 */
export const readDeltas = (bytes: Uint8Array, start: number, count: number): Deltas<BigInt64Array> => {
  const values = new BigInt64Array(count)
  const reader = new VarintReader(bytes, start)
  const blockValues = Number(reader.unsigned())
  const miniblocks = Number(reader.unsigned())
  // how many there are the page says too
  reader.unsigned()
  let value = reader.signed()
  if (count > 0) values[0] = value
  const size = blockValues / miniblocks
  if (
    count > 1 &&
    (!Number.isInteger(size) || size % 8 !== 0 || size === 0 || blockValues > maxBlockValues)
  ) {
    throw new RangeError('blocks of an impossible size')
  }
  let filled = 1
  while (filled < count) {
    const least = reader.signed()
    const widths = reader.take(miniblocks)
    for (const width of widths) {
      if (filled >= count) break
      const deltas = unpackLong(reader.take((size * width) / 8), width, Math.min(size, count - filled))
      for (const delta of deltas) {
        value = BigInt.asIntN(64, value + least + delta)
        values[filled++] = value
      }
    }
  }
  return { values, end: reader.offset }
}

/** Writers have 128 or 256. */
const maxBlockValues = 65_536

const unpackLong = (bytes: Uint8Array, width: number, count: number): bigint[] => {
  if (width > 64) throw new RangeError('differences of more than 64 bits')
  if (width <= 32) {
    const deltas = new Uint32Array(count)
    unpack(bytes, width, deltas)
    return Array.from(deltas, BigInt)
  }
  // two halves of which each can be unpacked would share bytes; few columns come here
  let held = 0n
  for (let index = bytes.length - 1; index >= 0; index--) held = (held << 8n) | BigInt(bytes[index] ?? 0)
  return Array.from({ length: count }, (_, index) => BigInt.asUintN(width, held >> BigInt(index * width)))
}

class VarintReader {
  readonly #bytes: Uint8Array
  offset: number

  constructor(bytes: Uint8Array, offset: number) {
    this.#bytes = bytes
    this.offset = offset
  }

  unsigned(): bigint {
    let value = 0n
    for (let index = 0; index < 10; index++) {
      const [byte = 0] = this.take(1)
      value |= BigInt(byte & 127) << BigInt(7 * index)
      if (byte < 128) return value
    }
    throw new RangeError('a number is too long')
  }

  signed(): bigint {
    const value = this.unsigned()
    return (value >> 1n) ^ -(value & 1n)
  }

  take(length: number) {
    const from = this.offset
    this.offset += length
    if (this.offset > this.#bytes.length) throw new RangeError('the bytes end within a number')
    return this.#bytes.subarray(from, this.offset)
  }
}
