/**
 * Index of the first byte that can't be part of a UTF-8 text: where a character begins that is none (Unicode, table 3-7).
 * For bytes that are known not to be UTF-8; their length when they are.
 */
export const invalidUtf8At = (bytes: Uint8Array) => {
  let at = 0
  while (at < bytes.length) {
    const length = lengthAt(bytes, at)
    if (length === 0) return at
    at += length
  }
  return at
}

/** Bytes of the character that begins here; 0 where none does. */
const lengthAt = (bytes: Uint8Array, at: number) => {
  const first = bytes[at] ?? 0
  if (first < 0x80) return 1
  if (first < 0xc2 || first > 0xf4) return 0
  const second = bytes[at + 1] ?? 0
  const [lowest, highest] = secondByteOf(first)
  if (second < lowest || second > highest) return 0
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  for (let next = 2; next < length; next++) if (!isContinuation(bytes[at + next])) return 0
  return length
}

/** The range that keeps out what is longer than need be, surrogates, and what is beyond U+10FFFF. */
const secondByteOf = (first: number) => {
  if (first === 0xe0) return [0xa0, 0xbf] as const
  if (first === 0xed) return [0x80, 0x9f] as const
  if (first === 0xf0) return [0x90, 0xbf] as const
  if (first === 0xf4) return [0x80, 0x8f] as const
  return [0x80, 0xbf] as const
}

const isContinuation = (byte: number | undefined) => byte !== undefined && byte >= 0x80 && byte <= 0xbf
