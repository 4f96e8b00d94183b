import type { JsonSchema } from '@onqueue/shared'
import type { ChosenTask } from '../tasks/choose-task.ts'
import type { ModelSettings } from '../tasks/model-settings.ts'
import { isMachineTrouble } from '../machine-trouble.ts'
import { Refusal } from '../refusal.ts'
import { createProbe, refineProbe, runProbe } from './probe.ts'
import type { Probe } from './probe.ts'
import type { ModelSession } from './model-session.ts'
import { isSameOutput, proveIndependence } from './prove-independence.ts'
import type { Sample } from './prove-independence.ts'
import { generateRow, varyRow } from './sample-rows.ts'
import type { Random } from './sample-rows.ts'

export type WarmedUp = {
  probe: Probe
  /** valid by the input schema */
  example: unknown
  /** rows that could be run; the first is the example */
  samples: Sample[]
  maxRows: number
  /** why rows don't share a run */
  reason: string | null
}

type Clock = () => number

const enoughSamples = 8
const mostTries = 100
/** Samples beyond the first two are only run while there is time. */
const samplingBudgetMs = 300

/**
 * Runs the model for the first time: finds an example, completes the signature, and decides whether rows may share a
 * run. Throws a `Refusal` where the model's own example does not work.
 */
export const warmUp = async (options: {
  session: ModelSession
  chosen: ChosenTask
  settings: Pick<ModelSettings, 'example' | 'batching'>
  random: Random
  now: Clock
}): Promise<WarmedUp> => {
  const { session, chosen, settings, random, now } = options
  const draft = createProbe(session, chosen, session.signature)
  const first = settings.example
    ? await runGivenExample(draft, settings.example)
    : await runGeneratedRow(draft, random)
  if ('failure' in first) {
    const reason = `no generated row could be run (${first.failure}); give an example in model.yaml`
    return { probe: draft, example: first.example, samples: [], maxRows: 1, reason }
  }

  const probe = refineProbe(draft, chosen, first.run)
  const given = { row: first.example, outputs: first.run.outputs }
  const samples = [given, ...(await runMoreRows(probe, { example: given, random, now }))]
  const maxRows = Math.min(settings.batching.max_rows, probe.layout.rowsPerRun)
  const reason =
    probe.layout.reason ??
    (maxRows === 1 ? 'batching.max_rows is 1' : await proveIndependence(probe, samples.slice(0, maxRows)))
  return { probe, example: first.example, samples, maxRows: reason === null ? maxRows : 1, reason }
}

type FirstRun = { example: unknown; run: Exclude<Awaited<ReturnType<typeof runProbe>>, { failure: string }> }

const runGivenExample = async (probe: Probe, example: unknown): Promise<FirstRun> => {
  const run = await runProbe(probe, [example])
  if (!('failure' in run)) return { example, run }
  const { failure, problem } = run
  if (problem) throw new Refusal(`its example is not valid: example${problem.pointer} ${problem.detail}`)
  if (isMachineTrouble(failure)) throw new Error(`its example could not be run: ${failure}`)
  throw new Refusal(`its example can't be run: ${failure}`)
}

/** Tries axes of any length with a few lengths, and small integers before large ones. */
const runGeneratedRow = async (
  probe: Probe,
  random: Random,
): Promise<FirstRun | { example: unknown; failure: string }> => {
  const { inputs } = probe.session.signature
  const freeAxes = Math.max(
    ...inputs.map((input) => input.shape.filter((axis) => typeof axis === 'string').length),
    0,
  )
  let last = { example: generateRow(probe.task.inputSchema, { random }), failure: 'it has no inputs' }
  for (const length of [3, 16, 64].filter((candidate) => candidate ** freeAxes <= 1e6)) {
    for (const magnitude of [1, 10]) {
      const example = generateRow(probe.task.inputSchema, { random, length, magnitude })
      const run = await runProbe(probe, [example])
      if (!('failure' in run)) return { example, run }
      last = { example, failure: run.failure }
    }
  }
  return last
}

/**
 * Runs rows until there are enough of them, some with another output than the example's. Those come first: a model may
 * saturate, and rows that all get the same answer prove nothing.
 */
const runMoreRows = async (
  probe: Probe,
  { example, random, now }: { example: Sample; random: Random; now: Clock },
): Promise<Sample[]> => {
  const started = now()
  const others: Sample[] = []
  const alike: Sample[] = []
  for (const row of moreRows(probe.task.inputSchema, example.row, random)) {
    const count = others.length + alike.length
    if (count > 0 && now() - started > samplingBudgetMs) break
    if (count >= enoughSamples && others.length > 0) break
    const run = await runProbe(probe, [row])
    if ('failure' in run) continue
    const sample = { row, outputs: run.outputs }
    if (isSameOutput(probe, example, sample)) alike.push(sample)
    else others.push(sample)
  }
  return [...others, ...alike].slice(0, enoughSamples)
}

/** Close to the example and far from it, with numbers of any magnitude. */
function* moreRows(schema: JsonSchema, example: unknown, random: Random) {
  for (let tries = 0; tries < mostTries; tries++) {
    yield varyRow(schema, example, random)
    yield generateRow(schema, { random, magnitude: [1, 10, 1, 100][tries] ?? 'any', like: example })
  }
}
