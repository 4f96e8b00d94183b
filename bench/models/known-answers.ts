import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { demoModelDir, heavyModelDir, runRows, startOnnx } from '../ceiling/onnx-ceiling.ts'

/** An input as a caller sends it, and the output that is the right one. */
export type KnownAnswer = { input: unknown; output: unknown }

const goldenSchema = z.array(z.object({ input: z.unknown(), output: z.unknown() }))
const heavyRows = 16
const heavyWidth = 256

/** What scikit-learn itself answers. */
export const readDemoAnswers = async (): Promise<KnownAnswer[]> =>
  goldenSchema.parse(JSON.parse(await readFile(join(demoModelDir, 'golden.json'), 'utf8')))

/** What ONNX Runtime answers to each row alone. */
export const computeHeavyAnswers = async (): Promise<KnownAnswer[]> => {
  const rows = Array.from({ length: heavyRows }, (_, row) =>
    Array.from(
      { length: heavyWidth },
      (_, column) => Math.round(1000 * Math.sin(row * 31 + column * 7)) / 1000,
    ),
  )
  const onnx = await startOnnx(heavyModelDir)
  try {
    const outputs = await runRows(onnx, rows)
    return rows.map((row, index) => ({ input: { x: row }, output: { y: outputs[index] } }))
  } finally {
    await onnx.close()
  }
}

/** Whether two JSON values are the same but for the last digits of their numbers. */
export const isSameAnswer = (actual: unknown, expected: unknown): boolean => {
  if (typeof actual === 'number' && typeof expected === 'number') {
    return Math.abs(actual - expected) <= 1e-5 * Math.max(1, Math.abs(expected))
  }
  if (Array.isArray(actual) && Array.isArray(expected)) {
    return (
      actual.length === expected.length &&
      actual.every((value, index) => isSameAnswer(value, expected[index]))
    )
  }
  if (isObject(actual) && isObject(expected)) {
    const names = Object.keys(expected)
    return (
      Object.keys(actual).length === names.length &&
      names.every((name) => name in actual && isSameAnswer(actual[name], expected[name]))
    )
  }
  return actual === expected
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
