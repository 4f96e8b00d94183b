import { basename, join } from 'node:path'
import { startFileScorer } from '../ceiling/file-scorer.ts'
import { rateOf, summarizeRounds } from '../figures/statistics.ts'
import type { Rounds } from '../figures/statistics.ts'
import { writeBatchFile } from '../models/batch-files.ts'
import { openScratchFolder } from '../processes/scratch-folder.ts'
import { openBatchStack } from '../stack/batch-stack.ts'

/** Two batch executors beside one, in rows a second by the clock while they score. */
export type ExecutorsCompared = {
  one: Rounds
  two: Rounds
  times: Rounds
  /** two scripts that score the file at once, of one: what the machine has to give just then */
  bareTimes: Rounds
}

export const compareExecutors = async (
  modelDir: string,
  { rows, rounds }: { rows: number; rounds: number },
): Promise<ExecutorsCompared> => {
  await using opened = new AsyncDisposableStack()
  const folder = await openScratchFolder()
  opened.defer(folder.close)
  const model = basename(modelDir)
  const format = modelDir.endsWith('heavy') ? 'jsonl' : 'csv'
  const file = await writeBatchFile(join(folder.path, `rows.${format}`), { modelDir, format, rows })
  const openStack = async (executors: number) => {
    const stack = await openBatchStack({
      modelDir,
      settings: { ONQUEUE_BATCH_EXECUTORS: String(executors) },
    })
    opened.defer(stack.close)
    return stack
  }
  // both are there all the time; the one that is not measured does nothing
  const stacks = { one: await openStack(1), two: await openStack(2) }
  const scorers = [await startFileScorer(modelDir), await startFileScorer(modelDir)]
  for (const { close } of scorers) opened.defer(close)

  const measure = async (which: 'one' | 'two') => (await stacks[which].score({ model, file })).scoredPerSecond
  const { microBatchRows } = await stacks.one.score({ model, file })
  await measure('two')
  const measureBare = async (count: number) => {
    const times = await Promise.all(
      scorers.slice(0, count).map((scorer, index) => {
        const output = join(folder.path, `bare-${index}`)
        return scorer.score({ input: file.path, output, format, microBatchRows })
      }),
    )
    return rateOf(count * rows, Math.max(...times.map(({ clockMs }) => clockMs)))
  }
  const samples: { one: number; two: number; times: number; bareTimes: number }[] = []
  let one = await measure('one')
  for (let round = 0; round < rounds; round++) {
    const two = await measure('two')
    const next = await measure('one')
    const bareTimes = (await measureBare(2)) / (await measureBare(1))
    samples.push({ one: next, two, times: (2 * two) / (one + next), bareTimes })
    one = next
  }
  const summarize = (key: 'one' | 'two' | 'times' | 'bareTimes') =>
    summarizeRounds(samples.map((sample) => sample[key]))
  return {
    one: summarize('one'),
    two: summarize('two'),
    times: summarize('times'),
    bareTimes: summarize('bareTimes'),
  }
}
