import { basename, join } from 'node:path'
import { startFileScorer } from '../ceiling/file-scorer.ts'
import { median, summarizeLatency } from '../figures/statistics.ts'
import type { Latency } from '../figures/statistics.ts'
import { writeBatchFile } from '../models/batch-files.ts'
import { openScratchFolder } from '../processes/scratch-folder.ts'
import type { BatchStack } from '../stack/batch-stack.ts'
import type { Plan } from './plan.ts'

/** A file of a few rows, from its submit until its output is here, with executors that are warm; by the clock. */
export type SmallBatch = { rows: number; ms: Latency; computeMs: number }

const rows = 10

export const measureSmallBatch = async (
  stack: BatchStack,
  modelDir: string,
  { smallBatches }: Pick<Plan, 'smallBatches'>,
): Promise<SmallBatch> => {
  await using opened = new AsyncDisposableStack()
  const folder = await openScratchFolder()
  opened.defer(folder.close)
  const model = basename(modelDir)
  const file = await writeBatchFile(join(folder.path, 'rows.csv'), { modelDir, format: 'csv', rows })
  const output = join(folder.path, 'output.jsonl')
  const scorer = await startFileScorer(modelDir)
  opened.defer(scorer.close)

  const batches: number[] = []
  const bare: number[] = []
  for (let turn = 0; turn < smallBatches + 2; turn++) {
    batches.push((await stack.score({ model, file })).receivedMs)
    bare.push((await scorer.score({ input: file.path, output, format: 'csv', microBatchRows: rows })).clockMs)
  }
  // the first ones start what is not there
  return { rows, ms: summarizeLatency(batches.slice(2)), computeMs: median(bare.slice(2)) }
}
