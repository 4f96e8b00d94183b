const maxDepth = 20

/**
 * Where a struct of Thrift's compact protocol ends that begins at `start`. Throws a `RangeError` where it has none, or can't be
 * one: lengths are within the bytes, numbers are as long as numbers are, and nothing is nested without end. So what is read
 * of bytes that have passed takes no more memory and time than they are worth, which `hyparquet` does not look after.
 */
export const skipStruct = (bytes: Uint8Array, start: number, depth = 0): number => {
  if (depth > maxDepth) throw new RangeError('structs are nested too deep')
  let offset = start
  for (;;) {
    const header = byteAt(bytes, offset++)
    const type = header & 15
    if (type === types.stop) return offset
    if (header >> 4 === 0) offset = skipNumber(bytes, offset)
    // a boolean is in its header
    if (type !== types.true && type !== types.false) offset = skipValue(bytes, offset, type, depth)
  }
}

const types = {
  stop: 0,
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  struct: 12,
}

const skipValue = (bytes: Uint8Array, start: number, type: number, depth: number): number => {
  switch (type) {
    case types.true:
    case types.false:
    case types.byte:
      return within(bytes, start + 1)
    case types.i16:
    case types.i32:
    case types.i64:
      return skipNumber(bytes, start)
    case types.double:
      return within(bytes, start + 8)
    case types.binary: {
      const [length, offset] = readLength(bytes, start)
      return within(bytes, offset + length)
    }
    case types.list:
      return skipList(bytes, start, depth)
    case types.struct:
      return skipStruct(bytes, start, depth + 1)
    default:
      throw new RangeError('there is no such type in Parquet')
  }
}

const skipList = (bytes: Uint8Array, start: number, depth: number) => {
  const header = byteAt(bytes, start)
  let length = header >> 4
  let offset = start + 1
  if (length === 15) [length, offset] = readLength(bytes, offset)
  // each has one byte at least
  within(bytes, offset + length)
  for (let index = 0; index < length; index++) offset = skipValue(bytes, offset, header & 15, depth + 1)
  return offset
}

const skipNumber = (bytes: Uint8Array, start: number) => {
  for (let offset = start; offset < start + 10; offset++) {
    if (byteAt(bytes, offset) < 128) return offset + 1
  }
  throw new RangeError('a number is too long')
}

/** An unsigned number of 31 bits, and where it ends. */
const readLength = (bytes: Uint8Array, start: number): [length: number, end: number] => {
  let length = 0
  for (let index = 0; index < 5; index++) {
    const byte = byteAt(bytes, start + index)
    length += (byte & 127) * 128 ** index
    if (byte < 128) return [length, start + index + 1]
  }
  throw new RangeError('a length is too long')
}

const byteAt = (bytes: Uint8Array, offset: number) => bytes[within(bytes, offset + 1) - 1] ?? 0

const within = (bytes: Uint8Array, end: number) => {
  if (end > bytes.length) throw new RangeError('the bytes end within a struct')
  return end
}
