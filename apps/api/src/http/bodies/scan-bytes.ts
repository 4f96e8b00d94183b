import { setImmediate } from 'node:timers/promises'
import { createJsonScan } from './scan-json.ts'
import type { JsonScan } from './scan-json.ts'

/** What a turn of the event loop looks at. A megabyte takes 4 ms. */
export const sliceBytes = 256 * 1024

/**
 * Scans a JSON text. What is longer than a slice takes a turn of the event loop for each, and of all that are scanned at the
 * same time one slice is looked at in a turn, so that others are answered in between; a promise then. Throws what the scan
 * throws.
 */
export const scanBytes = (
  bytes: Uint8Array,
  { turn = nextTurn } = {},
): { members: number } | Promise<{ members: number }> => {
  const scan = createJsonScan()
  if (bytes.length > sliceBytes) return scanSlices(scan, bytes, turn)
  scan.take(bytes)
  return scan.end()
}

const scanSlices = async (scan: JsonScan, bytes: Uint8Array, turn: () => Promise<unknown>) => {
  for (let from = 0; from < bytes.length; from += sliceBytes) {
    await turn()
    scan.take(bytes.subarray(from, from + sliceBytes))
  }
  return scan.end()
}

let lastTurn: Promise<unknown> = Promise.resolve()

/** Resolves in a turn that it has for itself. */
const nextTurn = (): Promise<unknown> => {
  lastTurn = lastTurn.then(() => setImmediate())
  return lastTurn
}
