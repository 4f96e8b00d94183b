import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { modelKeys, parseBatch } from '@onqueue/shared'
import { checkPredictions } from '../ceiling/score-parquet.ts'
import { scoreBatch } from '../load/score-batch.ts'
import type { ScoredBatch } from '../load/score-batch.ts'
import type { BatchFile } from '../models/batch-files.ts'
import { watchProcesses } from '../processes/process-watch.ts'
import type { Processes, UsageByProcess } from '../processes/process-watch.ts'
import { openScratchFolder } from '../processes/scratch-folder.ts'
import { openEmbeddedRedis } from './embedded-redis.ts'
import { findOnQueueProcesses } from './onqueue-processes.ts'
import { namespace, startOnQueue } from './start-onqueue.ts'

/** An OnQueue that scores batches, and its Redis. */
export type BatchStack = {
  /** Hands over a file, and collects what came of it. */
  score: (batch: { model: string; file: BatchFile }) => Promise<BatchRun>
  /** Batch executors too: those that are there. */
  processes: () => Processes
  close: () => Promise<void>
}

export type BatchRun = ScoredBatch & {
  usage: UsageByProcess
  /** rows that ran together */
  microBatchRows: number
  /** of the output */
  digest: string
}

/** A process that was started meanwhile has used what nobody saw. */
const mostTries = 3

export const openBatchStack = async (
  options: Pick<NonNullable<Parameters<typeof startOnQueue>[0]>, 'modelDir' | 'settings'> = {},
): Promise<BatchStack> => {
  await using opened = new AsyncDisposableStack()
  const folder = await openScratchFolder()
  opened.defer(folder.close)
  const redis = await openEmbeddedRedis()
  opened.defer(redis.close)
  const onqueue = await startOnQueue({
    ...options,
    dataDir: redis.dataDir,
    // at `idle` it is measured what others leave of the machine
    settings: { ONQUEUE_BATCH_PRIORITY: 'normal', ...options.settings },
  })
  opened.defer(onqueue.close)

  const processes = () => ({ ...findOnQueueProcesses(onqueue.pid), Redis: redis.pid })
  const readMicroBatchRows = async (model: string, id: string) => {
    const record = parseBatch(id, await redis.client.hgetall(modelKeys(namespace, model).batch(id)))
    if (!record) throw new Error(`there is no batch ${id} in redis`)
    return record.about.microBatchRows
  }
  const score: BatchStack['score'] = async ({ model, file }) => {
    const output = join(folder.path, `output.${file.format}`)
    for (let turn = 1; ; turn++) {
      const before = processes()
      const watch = watchProcesses(before)
      const scored = await scoreBatch(onqueue.url, { model, file, output })
      const usage = watch.stop()
      if (!isSame(before, processes()) && turn < mostTries) continue
      return {
        ...scored,
        usage,
        microBatchRows: await readMicroBatchRows(model, scored.id),
        digest: await digestOf({ path: output, format: file.format }),
      }
    }
  }

  const running = opened.move()
  return { score, processes, close: () => running.disposeAsync() }
}

const isSame = (some: Processes, others: Processes) =>
  Object.keys(others).every((name) => some[name] === others[name])

/** Of what was predicted: writers of Parquet may say the same in other bytes. */
export const digestOf = async ({ path, format }: Pick<BatchFile, 'path' | 'format'>): Promise<string> => {
  if (format === 'parquet')
    return JSON.stringify(await checkPredictions(new Uint8Array(await readFile(path)).buffer))
  const hash = createHash('sha256')
  for await (const bytes of createReadStream(path)) hash.update(bytes)
  return hash.digest('hex')
}
