import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { Refusal } from '../refusal.ts'

/** What a ModelProto has at its top: a field of another number, or kind, is of something else. */
const varints = new Set([1, 5])
const messages = new Set([2, 3, 4, 6, 7, 8, 14, 20, 25, 26])
/** Protobuf counts in 31 bits. */
const mostBytes = 2 ** 31 - 1
/** A model has a dozen. */
const mostFields = 10_000

/**
 * Refuses a file that ends before it says that it does, or is larger than ONNX Runtime reads, by the lengths of its outermost fields: a file of
 * gigabytes is neither read nor given to ONNX Runtime, which would take memory for all of it first.
 */
export const checkWhole = async (path: string): Promise<void> => {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const end = await findEnd(file, size)
    if (end !== undefined && end > size)
      throw new Refusal(`the file is cut off: it has ${size} bytes of ${end} or more; copy it again`)
    if (size > mostBytes) {
      throw new Refusal(
        `the file has ${(size / 1e9).toFixed(1)} GB, and an ONNX file can't have more than 2: export it with its weights in a file of their own`,
      )
    }
  } finally {
    await file.close()
  }
}

/** Where the last of its fields ends; undefined where it is no ONNX file, for which others find the words. */
const findEnd = async (file: FileHandle, size: number): Promise<number | undefined> => {
  const head = Buffer.alloc(20)
  let at = 0
  for (let fields = 0; at < size; fields++) {
    if (fields === mostFields) return undefined
    const { bytesRead } = await file.read(head, 0, head.length, at)
    const field = readLength(head.subarray(0, bytesRead))
    if (field === undefined) return undefined
    at += field
  }
  return at
}

/** How many bytes the field takes whose beginning this is. */
const readLength = (head: Uint8Array): number | undefined => {
  const tag = readVarint(head, 0)
  if (!tag) return undefined
  const [number, wireType] = [tag.value >> 3, tag.value & 7]
  const next = readVarint(head, tag.end)
  if (!next) return undefined
  if (wireType === 0 && varints.has(number)) return next.end
  return wireType === 2 && messages.has(number) ? next.end + next.value : undefined
}

const readVarint = (bytes: Uint8Array, start: number) => {
  let value = 0
  for (let end = start, scale = 1; end < bytes.length && end - start < 8; end++, scale *= 128) {
    const byte = bytes[end] ?? 0
    value += (byte & 127) * scale
    if (byte < 128) return { value, end: end + 1 }
  }
  return undefined
}
