/**
 * Fills `output` from runs of the RLE and bit-packed hybrid that levels and indexes of dictionaries are in, which begin at
 * `start`. Never fills more than that, whatever the runs say. Throws a `RangeError` where the bytes are not enough.
 *
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE
 */
export const readRuns = (
  bytes: Uint8Array,
  start: number,
  width: number,
  output: Uint8Array | Uint32Array,
) => {
  if (width > 32) throw new RangeError('values of more than 32 bits')
  const runBytes = Math.ceil(width / 8)
  let offset = start
  let filled = 0
  while (filled < output.length) {
    const [header, from] = readHeader(bytes, offset)
    const count = Math.floor(header / 2)
    if (header % 2 === 0) {
      output.fill(readValue(bytes, from, runBytes), filled, filled + count)
      offset = from + runBytes
      filled += count
    } else {
      const values = Math.min(count * 8, output.length - filled)
      unpack(bytes.subarray(from, from + count * width), width, output.subarray(filled, filled + values))
      offset = from + count * width
      filled += values
    }
  }
}

const readHeader = (bytes: Uint8Array, start: number): [header: number, end: number] => {
  let header = 0
  for (let index = 0; index < 5; index++) {
    const byte = bytes[start + index]
    if (byte === undefined) break
    header += (byte & 127) * 128 ** index
    if (byte < 128) return [header, start + index + 1]
  }
  throw new RangeError('the runs end too early')
}

const readValue = (bytes: Uint8Array, start: number, length: number) => {
  let value = 0
  for (let index = 0; index < length; index++) value += (bytes[start + index] ?? 0) * 256 ** index
  return value
}

/** Fills `output` from numbers of so many bits, the lowest first. Bytes that are missing at the end are zeroes: some writers leave them out. */
export const unpack = (bytes: Uint8Array, width: number, output: Uint8Array | Uint32Array) => {
  if (width > 24) {
    unpackWide(bytes, width, output)
    return
  }
  const mask = 2 ** width - 1
  let offset = 0
  let held = 0
  let bits = 0
  for (let index = 0; index < output.length; index++) {
    while (bits < width) {
      held |= (bytes[offset++] ?? 0) << bits
      bits += 8
    }
    output[index] = held & mask
    held >>>= width
    bits -= width
  }
}

/** Beyond what the operators for bits can hold. */
const unpackWide = (bytes: Uint8Array, width: number, output: Uint8Array | Uint32Array) => {
  const size = 2 ** width
  let offset = 0
  let held = 0
  let bits = 0
  for (let index = 0; index < output.length; index++) {
    while (bits < width) {
      held += (bytes[offset++] ?? 0) * 2 ** bits
      bits += 8
    }
    output[index] = held % size
    held = Math.floor(held / size)
    bits -= width
  }
}
