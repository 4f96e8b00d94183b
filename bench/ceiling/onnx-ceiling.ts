import { join } from 'node:path'
import { z } from 'zod'
import { startBenchProcess } from '../processes/bench-process.ts'
import type { BenchProcess } from '../processes/bench-process.ts'

const root = join(import.meta.dirname, '../..')
export const demoModelDir = join(root, 'models/demo-classifier')
export const heavyModelDir = join(root, 'bench/models/heavy')

const measuredSchema = z.object({ rowsPerSecond: z.number() })
const outputsSchema = z.object({ outputs: z.array(z.array(z.number())) })

/** A process with one loaded model. OnQueue gives its executors one thread each where `model.yaml` says nothing. */
export const startOnnx = async (modelDir: string, { threads = 1 } = {}): Promise<BenchProcess> => {
  const onnx = await startBenchProcess(join(import.meta.dirname, 'onnx-process.ts'))
  await onnx.ask({ type: 'load', file: join(modelDir, 'model.onnx'), threads }, z.object({}))
  return onnx
}

export const measureBatch = async (onnx: BenchProcess, rows: number, { durationMs = 500 } = {}) =>
  (await onnx.ask({ type: 'measure', rows, durationMs }, measuredSchema)).rowsPerSecond

/** The output of each row when it runs alone. */
export const runRows = async (onnx: BenchProcess, rows: number[][]): Promise<number[][]> =>
  (await onnx.ask({ type: 'run', rows }, outputsSchema)).outputs
