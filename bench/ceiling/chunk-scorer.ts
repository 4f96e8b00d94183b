import { join } from 'node:path'
import { z } from 'zod'
import { startBenchProcess } from '../processes/bench-process.ts'

/** A batch file that one process scores again and again, in either of two ways that have to make the same of it. */
export type ChunkScorer = {
  /** `bare` is a loop without anything that scoring chunks does beside scoring. */
  score: (by: 'bare' | 'chunks') => Promise<ScoredFile>
  close: () => Promise<void>
}

type ScoredFile = { rows: number; crc: number; cpuMs: number }

const scoredSchema = z.object({ rows: z.int(), crc: z.int(), cpuMs: z.number() })

export const startChunkScorer = async (file: {
  modelDir: string
  csv: string
  output: 'jsonl' | 'csv' | 'parquet'
}): Promise<ChunkScorer> => {
  const process = await startBenchProcess(join(import.meta.dirname, 'chunk-process.ts'))
  await process.tell({ type: 'load', ...file })
  return { score: (by) => process.ask({ type: 'score', by }, scoredSchema), close: process.close }
}
