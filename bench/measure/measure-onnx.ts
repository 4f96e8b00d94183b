import { startOnnx } from '../ceiling/onnx.ts'
import { demoModelDir, heavyModelDir } from '../models/model-dirs.ts'
import type { Plan } from './plan.ts'

/** ONNX Runtime's own speed with each model. */
export type OnnxSpeed = { demo: BatchSpeed[]; heavy: BatchSpeed[] }

/** Of micro-batches of so many rows. */
export type BatchSpeed = { rows: number; rowsPerSecond: number }

const batchSizes = [1, 2, 4, 8, 16, 32, 64]

export const measureOnnx = async ({ onnxMs }: Plan): Promise<OnnxSpeed> => ({
  demo: await measureBatchSizes(demoModelDir, onnxMs),
  heavy: await measureBatchSizes(heavyModelDir, onnxMs),
})

const measureBatchSizes = async (modelDir: string, durationMs: number) => {
  const onnx = await startOnnx(modelDir)
  try {
    const speeds: BatchSpeed[] = []
    for (const rows of batchSizes) {
      speeds.push({ rows, rowsPerSecond: await onnx.measure({ rows, durationMs }) })
    }
    return speeds
  } finally {
    await onnx.close()
  }
}
