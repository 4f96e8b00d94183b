import { join } from 'node:path'
import { addFailures } from '../figures/failures.ts'
import type { Failures } from '../figures/failures.ts'
import { demoModelDir, heavyModelDir } from '../models/model-dirs.ts'
import { openBatchStack } from '../stack/batch-stack.ts'
import { compareBatch } from './compare-batch.ts'
import type { BatchSpeed } from './compare-batch.ts'
import { measureBatchMemory } from './measure-batch-memory.ts'
import type { BatchMemory } from './measure-batch-memory.ts'
import { compareExecutors } from './compare-executors.ts'
import type { ExecutorsCompared } from './compare-executors.ts'
import { measureSmallBatch } from './measure-small-batch.ts'
import type { SmallBatch } from './measure-small-batch.ts'
import type { Plan } from './plan.ts'

/** Batches end to end: a file goes in over HTTP, and its output comes out. */
export type Batches = Failures & {
  files: BatchSpeed[]
  small: SmallBatch
  executors: ExecutorsCompared
  memory: BatchMemory
}

const irisDir = join(demoModelDir, '../iris')
const housingDir = join(demoModelDir, '../housing')

const shipped = [
  { modelDir: irisDir, format: 'csv' },
  { modelDir: housingDir, format: 'csv' },
  { modelDir: housingDir, format: 'parquet' },
] as const

export const measureBatch = async (plan: Plan): Promise<Batches> => {
  const { rounds, fileRows, heavyFileRows } = plan
  const files: BatchSpeed[] = []
  const measureShipped = async () => {
    await using opened = new AsyncDisposableStack()
    const stack = await openBatchStack()
    opened.defer(stack.close)
    for (const one of shipped) files.push(await compareBatch(stack, { ...one, rows: fileRows, rounds }))
    return await measureSmallBatch(stack, irisDir, plan)
  }
  const measureHeavy = async () => {
    await using opened = new AsyncDisposableStack()
    const stack = await openBatchStack({ modelDir: heavyModelDir })
    opened.defer(stack.close)
    const heavy = { modelDir: heavyModelDir, format: 'jsonl', rows: heavyFileRows, rounds } as const
    files.push(await compareBatch(stack, heavy))
  }

  const small = await measureShipped()
  await measureHeavy()
  const executors = await compareExecutors(heavyModelDir, { rounds, rows: 2 * heavyFileRows })
  const memory = await measureBatchMemory(irisDir, plan)
  return { files, small, executors, memory, ...addFailures(files) }
}
