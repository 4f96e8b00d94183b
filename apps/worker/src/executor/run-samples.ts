import { isMachineTrouble } from '../machine-trouble.ts'
import type { ValueHints } from '../onnx-file/value-hints.ts'
import { Refusal } from '../refusal.ts'
import type { ModelSettings } from '../tasks/model-settings.ts'
import { elementCount } from '../tensors/tensor.ts'
import type { SeenRun } from './learn-axes.ts'
import { explainBeyondMemory } from './beyond-memory.ts'
import { runProbe } from './probe.ts'
import type { Probe } from './probe.ts'
import { isSameOutput } from './prove-independence.ts'
import type { Sample } from './prove-independence.ts'
import { generateRow, varyRow } from './sample-rows.ts'
import type { Random } from './sample-rows.ts'
import { typicalRow } from './typical-row.ts'

/** What sample rows are made of. */
export type Sampling = {
  settings: Pick<ModelSettings, 'example'>
  hints: ValueHints
  random: Random
  /** ms of a core where the model runs on one: how busy the machine is must not decide what is found */
  now: () => number
}

const enoughSamples = 8
/** Samples beyond the first two are only run while there is time, as long as two of them got something else. */
const samplingBudgetMs = 300
/** So many are tried whatever it takes until one gets another output than the example. */
const fewestTries = 40
const mostTries = 200
/** A kernel is zero for all that is far from what it was made of, so that whole rows are tried small and large. */
const magnitudes = [1, 10, 1, 100, 0.1, 0.01, 1, 1000, 0.001, 0.03, 0.3, 3] as const
/** A model that takes this long for a few rows is not made to run more of them. */
const longestSamplingMs = 5000

export type FirstRun = {
  example: unknown
  run: SeenRun
  /** of its free axes, where it was made up */
  length?: number
}
export type NotRun = { example: unknown; failure: string }

export const runFirstRow = (probe: Probe, options: Sampling): Promise<FirstRun | NotRun> => {
  const { example } = options.settings
  return example ? runGivenExample(probe, example) : runGeneratedRow(probe, options)
}

const runGivenExample = async (probe: Probe, example: unknown): Promise<FirstRun> => {
  const run = await runProbe(probe, [example])
  if (!('failure' in run)) return { example, run }
  const { failure, problem } = run
  if (problem) throw new Refusal(`its example is not valid: example${problem.pointer} ${problem.detail}`)
  refuseBeyondMemory([failure])
  if (isMachineTrouble(failure)) throw new Error(`its example could not be run: ${failure}`)
  throw new Refusal(`its example can't be run: ${failure}`)
}

/** Tries axes of any length with a few lengths, what is usual first, and small integers before large ones. */
const runGeneratedRow = async (probe: Probe, { random, hints }: Sampling): Promise<FirstRun | NotRun> => {
  let last = { example: generateRow(probe.task, { random, hints }), failure: 'it has no inputs' }
  const failures: string[] = []
  for (const length of [3, 16, 64, 128, 224, 512, 4096].filter((one) => isSmall(probe, one))) {
    const made = { random, hints, length }
    const rows = [
      () => typicalRow(probe.task, made),
      () => generateRow(probe.task, { ...made, magnitude: 1 }),
      () => generateRow(probe.task, { ...made, magnitude: 10 }),
    ]
    for (const make of rows) {
      const example = make()
      const run = await runProbe(probe, [example])
      if (!('failure' in run)) return { example, run, length }
      last = { example, failure: run.failure }
      failures.push(run.failure)
    }
  }
  refuseBeyondMemory(failures)
  return last
}

const refuseBeyondMemory = (failures: readonly string[]) => {
  const reason = explainBeyondMemory(failures)
  if (reason !== undefined) throw new Refusal(reason)
}

/** Whether a row whose free axes are so long has no more elements than a picture. */
const isSmall = (probe: Probe, length: number) =>
  probe.session.signature.inputs.every(
    ({ shape }) =>
      elementCount(shape.map((axis) => (typeof axis === 'number' ? axis : length))) <= 3e6 || length === 3,
  )

/**
 * A row whose free axes have another length: undefined where it can't be run, or there is an example in model.yaml, beside which
 * a row that is made up may be none that the model can take.
 */
export const runOtherLength = async (
  probe: Probe,
  { settings, random, hints }: Sampling,
  { length: before = 3 }: FirstRun,
): Promise<SeenRun | undefined> => {
  if (settings.example) return undefined
  // that of the first may be the only one that it takes multiples of
  for (const length of [5, 2 * before, 40].filter((one) => isSmall(probe, one))) {
    const row = generateRow(probe.task, { random, hints, length })
    const run = await runProbe(probe, [row])
    if (!('failure' in run)) return run
  }
  return undefined
}

/** Whole tensors of one element along each free axis: outputs may have fewer axes then. */
export const runShortest = async (
  probe: Probe,
  { settings, random, hints }: Sampling,
): Promise<SeenRun | undefined> => {
  if (settings.example) return undefined
  const run = await runProbe(probe, [generateRow(probe.task, { random, hints, length: 1 })])
  return 'failure' in run ? undefined : run
}

/** Two rows of the same shape: undefined where a run always takes as many, or they can't be run. */
export const runTwoRows = async (
  probe: Probe,
  { example }: FirstRun,
  { random }: Sampling,
): Promise<SeenRun | undefined> => {
  if (probe.layout.rowsPerRun === 1) return undefined
  const run = await runProbe(probe, [example, varyRow(probe.task.inputSchema, example, random)])
  return 'failure' in run ? undefined : run
}

/**
 * Runs rows until there are enough of them, some with another output than the example's. Those come first: a model may
 * saturate, and rows that all get the same answer prove nothing. `near` are those that were made by varying the example.
 */
export const runMoreRows = async (
  probe: Probe,
  { example, settings, random, hints, now }: Sampling & { example: Sample },
): Promise<{ near: Sample[]; all: Sample[] }> => {
  const startedAt = now()
  const near: Sample[] = []
  const others: Sample[] = []
  const alike: Sample[] = []
  let tries = 0
  for (const { row, isNear } of moreRows(probe, example.row, { settings, random, hints })) {
    const count = others.length + alike.length
    const tookMs = now() - startedAt
    const isLate = tookMs > samplingBudgetMs
    if (others.length > 0 && (count >= enoughSamples || (count > 1 && isLate))) break
    if ((tries >= fewestTries && isLate) || tookMs > longestSamplingMs) break
    tries += 1
    const run = await runProbe(probe, [row])
    if ('failure' in run) continue
    const sample = { row, outputs: run.outputs }
    if (isNear) near.push(sample)
    if (isSameOutput(probe, example, sample)) alike.push(sample)
    else others.push(sample)
  }
  return { near: near.slice(0, enoughSamples), all: [...others, ...alike].slice(0, enoughSamples) }
}

/**
 * Close to the example and far from it, with numbers of any magnitude. What is far from an example in model.yaml may be none
 * that the model was made for: of an image whose pixels are all 0 or 1 it may make noise.
 */
function* moreRows(
  { task }: Probe,
  example: unknown,
  { settings, random, hints }: Pick<Sampling, 'settings' | 'random' | 'hints'>,
) {
  const vary = () => ({ row: varyRow(task.inputSchema, example, random), isNear: true })
  if (settings.example) for (let one = 0; one < enoughSamples; one++) yield vary()
  for (let tries = 0; tries < mostTries / 2; tries++) {
    yield vary()
    const magnitude = magnitudes[tries] ?? 'any'
    yield { row: generateRow(task, { random, hints, magnitude, like: example }), isNear: false }
  }
}
