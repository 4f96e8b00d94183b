import { basename, join } from 'node:path'
import { summarizeRounds } from '../figures/statistics.ts'
import type { Rounds } from '../figures/statistics.ts'
import { writeBatchFile } from '../models/batch-files.ts'
import { readPeakRssBytes } from '../processes/proc.ts'
import { openScratchFolder } from '../processes/scratch-folder.ts'
import { openBatchStack } from '../stack/batch-stack.ts'
import type { Plan } from './plan.ts'

/** The most memory that each process has had (`VmHWM`), in an OnQueue that scored one file and nothing else. */
export type BatchMemory = {
  rows: { few: number; many: number }
  /** by process, in bytes; of several batch executors the one with most */
  few: Record<string, Rounds>
  many: Record<string, Rounds>
}

const parts = ['API', 'worker', 'batch executor']

export const measureBatchMemory = async (
  modelDir: string,
  { rounds, memoryRows }: Pick<Plan, 'rounds' | 'memoryRows'>,
): Promise<BatchMemory> => {
  const peaks: Record<'few' | 'many', Map<string, number>[]> = { few: [], many: [] }
  for (let round = 0; round < rounds; round++) {
    peaks.few.push(await measurePeaks(modelDir, memoryRows / 10))
    peaks.many.push(await measurePeaks(modelDir, memoryRows))
  }
  const summarize = (rounded: Map<string, number>[]) =>
    Object.fromEntries(
      parts.map((part) => [part, summarizeRounds(rounded.map((round) => round.get(part) ?? NaN))]),
    )
  return {
    rows: { few: memoryRows / 10, many: memoryRows },
    few: summarize(peaks.few),
    many: summarize(peaks.many),
  }
}

const measurePeaks = async (modelDir: string, rows: number) => {
  await using opened = new AsyncDisposableStack()
  const folder = await openScratchFolder()
  opened.defer(folder.close)
  const stack = await openBatchStack({ modelDir })
  opened.defer(stack.close)
  const file = await writeBatchFile(join(folder.path, 'rows.csv'), { modelDir, format: 'csv', rows })
  await stack.score({ model: basename(modelDir), file })
  const pids = Object.entries(stack.processes())
  return new Map(
    parts.map((part) => {
      const peaks = pids.filter(([name]) => name.startsWith(part)).map(([, pid]) => readPeakRssBytes(pid))
      return [part, Math.max(...peaks)]
    }),
  )
}
