import { join } from 'node:path'
import { z } from 'zod'
import { startBenchProcess } from '../processes/bench-process.ts'
import type { FileScoring } from './score-file-bare.ts'

/** A process that scores files with one model and does nothing else: what a batch is held against. */
export type FileScorer = {
  score: (file: FileScoring) => Promise<{ cpuMs: number; clockMs: number }>
  close: () => Promise<void>
}

const scoredSchema = z.object({ cpuMs: z.number(), clockMs: z.number() })

export const startFileScorer = async (modelDir: string): Promise<FileScorer> => {
  const process = await startBenchProcess(join(import.meta.dirname, 'file-process.ts'))
  await process.tell({ type: 'load', modelDir })
  return {
    score: (file) => process.ask({ type: 'score', ...file }, scoredSchema),
    close: process.close,
  }
}
