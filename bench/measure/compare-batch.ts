import { basename, join } from 'node:path'
import { startFileScorer } from '../ceiling/file-scorer.ts'
import type { FileFormat } from '../ceiling/score-file-bare.ts'
import { toFailures } from '../figures/failures.ts'
import type { Failures } from '../figures/failures.ts'
import { rateOf, sum, summarizeRounds } from '../figures/statistics.ts'
import type { Rounds } from '../figures/statistics.ts'
import { Yardstick } from '../figures/yardstick.ts'
import { writeBatchFile } from '../models/batch-files.ts'
import { addUsage } from '../processes/process-watch.ts'
import type { UsageByProcess } from '../processes/process-watch.ts'
import { openScratchFolder } from '../processes/scratch-folder.ts'
import { digestOf } from '../stack/batch-stack.ts'
import type { BatchRun, BatchStack } from '../stack/batch-stack.ts'

/** A file from its upload to its download, beside a script that scores it. Speeds are rows a second of CPU time. */
export type BatchSpeed = Failures & {
  model: string
  format: FileFormat
  microBatchRows: number
  bare: Rounds
  /** of API, worker and batch executors */
  batch: Rounds
  shareOfBare: Rounds
  /** the same of batch executors alone */
  executorShare: Rounds
  /** rows a second by the clock, from the first byte that is sent to the last one that comes */
  byClock: Rounds
  /** rows of all rounds, for which the processes used `usage` */
  finished: number
  usage: UsageByProcess
}

/** Each batch lies between two runs of the script, which has to make the same of the file. */
export const compareBatch = async (
  stack: BatchStack,
  { modelDir, format, rows, rounds }: { modelDir: string; format: FileFormat; rows: number; rounds: number },
): Promise<BatchSpeed> => {
  await using opened = new AsyncDisposableStack()
  const folder = await openScratchFolder()
  opened.defer(folder.close)
  const model = basename(modelDir)
  const file = await writeBatchFile(join(folder.path, `rows.${format}`), { modelDir, format, rows })
  const output = join(folder.path, `output.${format}`)
  const scorer = await startFileScorer(modelDir)
  opened.defer(scorer.close)

  const { microBatchRows } = await stack.score({ model, file })
  const scoreBare = async () => {
    const { cpuMs } = await scorer.score({ input: file.path, output, format, microBatchRows })
    return rateOf(rows, cpuMs)
  }
  await scoreBare()
  const digest = await digestOf({ path: output, format })
  const bare: number[] = []
  const yardstick = await Yardstick.start(async () => {
    const perSecond = await scoreBare()
    bare.push(perSecond)
    return perSecond
  })
  const samples: (BatchRun & { mean: number })[] = []
  for (let round = 0; round < rounds; round++) {
    const { result, mean } = await yardstick.beside(() => stack.score({ model, file }))
    samples.push({ ...result, mean })
  }
  const speeds = samples.map(({ usage }) => rows / cpuSecondsOf(usage, isCounted))
  const executorSpeeds = samples.map(({ usage }) => rows / cpuSecondsOf(usage, isExecutor))
  const ofBare = (perSecond: readonly number[]) =>
    summarizeRounds(perSecond.map((one, round) => one / (samples[round]?.mean ?? NaN)))
  const others = samples.filter((one) => one.digest !== digest)
  return {
    model,
    format,
    microBatchRows,
    bare: summarizeRounds(bare),
    batch: summarizeRounds(speeds),
    shareOfBare: ofBare(speeds),
    executorShare: ofBare(executorSpeeds),
    byClock: summarizeRounds(samples.map(({ receivedMs }) => rateOf(rows, receivedMs))),
    finished: rows * rounds,
    usage: addUsage(samples.map(({ usage }) => usage)),
    ...toFailures(others.map(({ id }) => `batch ${id} of ${model} is not what a script makes of its file`)),
  }
}

const isExecutor = (name: string) => name.startsWith('batch executor')
const isCounted = (name: string) => name === 'API' || name === 'worker' || isExecutor(name)

const cpuSecondsOf = (usage: UsageByProcess, isMeant: (name: string) => boolean) =>
  sum(Object.entries(usage).map(([name, { cpuSeconds }]) => (isMeant(name) ? cpuSeconds : 0)))
