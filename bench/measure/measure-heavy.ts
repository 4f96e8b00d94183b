import { startOnnx } from '../ceiling/onnx.ts'
import { addFailures } from '../figures/failures.ts'
import type { Failures } from '../figures/failures.ts'
import { compareSample, toShares, toSpeed } from '../figures/speed.ts'
import type { ComparedSample } from '../figures/speed.ts'
import { median, summarizeRounds } from '../figures/statistics.ts'
import type { Rounds } from '../figures/statistics.ts'
import { Yardstick } from '../figures/yardstick.ts'
import { heavyModelDir } from '../models/model-dirs.ts'
import { computeHeavyAnswers } from '../models/read-answers.ts'
import type { UsageByProcess } from '../processes/process-watch.ts'
import { openStack } from '../stack/stack.ts'
import type { SubmitReport } from '../stack/stack.ts'
import { measureSubmit } from './measure-submit.ts'
import type { Plan } from './plan.ts'

/** How much of what the machine can compute is left when a model is expensive. */
export type HeavySpeed = Failures & {
  /** rows of the micro-batches that OnQueue made: most predictions were in one of so many */
  batchRows: number
  /** ONNX Runtime alone at that batch size, rows a second */
  raw: Rounds
  throughQueue: Rounds
  shareOfRaw: Rounds
  /** predictions in all rounds, for which the processes used `usage` */
  finished: number
  usage: UsageByProcess
}

const rawMs = 3000

export const measureHeavy = async ({ rounds, heavySubmits }: Plan): Promise<HeavySpeed> => {
  const answers = await computeHeavyAnswers()
  const stack = await openStack({ modelDir: heavyModelDir, answers })
  const onnx = await startOnnx(heavyModelDir)
  try {
    // of a model's own choice of batch size nobody but OnQueue knows
    const batchRows = mostFrequent((await stack.submitAll({ requests: heavySubmits / 8 })).batchSizes)
    const raw: number[] = []
    const yardstick = await Yardstick.start(async () => {
      const rowsPerSecond = await onnx.measure({ rows: batchRows, durationMs: rawMs })
      raw.push(rowsPerSecond)
      return rowsPerSecond
    })
    const samples: ComparedSample<SubmitReport>[] = []
    for (let round = 0; round < rounds; round++) {
      samples.push(await compareSample(yardstick, () => measureSubmit(stack, { requests: heavySubmits })))
    }
    const { perSecond, finished, usage } = toSpeed(samples)
    return {
      batchRows,
      raw: summarizeRounds(raw),
      throughQueue: perSecond,
      shareOfRaw: toShares(samples),
      finished,
      usage,
      ...addFailures(samples.map(({ report }) => report)),
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
