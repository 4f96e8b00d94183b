import { join } from 'node:path'
import { z } from 'zod'
import { startBenchProcess } from '../processes/bench-process.ts'

/** ONNX Runtime with one model and nothing around it, in a process of its own: the ceiling of what a server can make of it. */
export type Onnx = {
  /** Rows a second in micro-batches of so many rows, run for at least so long. */
  measure: (options: { rows: number; durationMs: number }) => Promise<number>
  /** The output of each row when it runs alone. */
  runEach: (rows: number[][]) => Promise<number[][]>
  close: () => Promise<void>
}

const measuredSchema = z.object({ rowsPerSecond: z.number() })
const outputsSchema = z.object({ outputs: z.array(z.array(z.number())) })

/** OnQueue gives its executors one thread each where `model.yaml` says nothing. */
export const startOnnx = async (modelDir: string, { threads = 1 } = {}): Promise<Onnx> => {
  const process = await startBenchProcess(join(import.meta.dirname, 'onnx-process.ts'))
  await process.tell({ type: 'load', file: join(modelDir, 'model.onnx'), threads })
  return {
    measure: async ({ rows, durationMs }) =>
      (await process.ask({ type: 'measure', rows, durationMs }, measuredSchema)).rowsPerSecond,
    runEach: async (rows) => (await process.ask({ type: 'run', rows }, outputsSchema)).outputs,
    close: process.close,
  }
}
