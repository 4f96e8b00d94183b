import { computeHeavyAnswers } from '../models/known-answers.ts'
import { heavyModelDir, measureBatch, startOnnx } from '../ceiling/onnx-ceiling.ts'
import type { Plan } from './plan.ts'
import { addUsage } from '../processes/process-watch.ts'
import type { UsageByProcess } from '../processes/process-watch.ts'
import { openStack } from '../stack/stack.ts'
import { median, summarizeRounds } from '../figures/statistics.ts'
import type { Rounds } from '../figures/statistics.ts'

/** How much of what the machine can compute is left when a model is expensive. */
export type HeavySpeed = {
  /** rows of the micro-batches that OnQueue made: most predictions were in one of so many */
  batchRows: number
  /** ONNX Runtime alone at that batch size, rows a second */
  raw: Rounds
  throughQueue: Rounds
  shareOfRaw: Rounds
  /** predictions in all rounds, for which the processes used `usage` */
  finished: number
  usage: UsageByProcess
  failures: number
  examples: string[]
}

const rawMs = 3000

export const measureHeavy = async ({ rounds, heavySubmits }: Plan): Promise<HeavySpeed> => {
  const answers = await computeHeavyAnswers()
  const stack = await openStack({ modelDir: heavyModelDir, answers })
  const onnx = await startOnnx(heavyModelDir)
  try {
    // of a model's own choice of batch size nobody but OnQueue knows
    const batchRows = mostFrequent((await stack.submitAll({ requests: heavySubmits / 8 })).batchSizes)
    const measureRaw = () => measureBatch(onnx, batchRows, { durationMs: rawMs })

    const raw = [await measureRaw()]
    const through: number[] = []
    const shares: number[] = []
    const usages: UsageByProcess[] = []
    let failures = 0
    const examples: string[] = []
    for (let round = 0; round < rounds; round++) {
      const { result, usage } = await stack.watch(() => stack.submitAll({ requests: heavySubmits }))
      const before = raw.at(-1) ?? NaN
      const after = await measureRaw()
      raw.push(after)
      through.push(result.predictionsPerSecond)
      shares.push(result.predictionsPerSecond / ((before + after) / 2))
      usages.push(usage)
      failures += result.failures
      examples.push(...result.examples)
    }
    return {
      batchRows,
      raw: summarizeRounds(raw),
      throughQueue: summarizeRounds(through),
      shareOfRaw: summarizeRounds(shares),
      finished: rounds * heavySubmits,
      usage: addUsage(usages),
      failures,
      examples: examples.slice(0, 5),
    }
  } finally {
    await onnx.close()
    await stack.close()
  }
}

const mostFrequent = (values: readonly number[]) => {
  const counts = [...Map.groupBy(values, (value) => value)].map(([value, all]) => ({
    value,
    count: all.length,
  }))
  return counts.toSorted((a, b) => b.count - a.count)[0]?.value ?? median(values)
}
