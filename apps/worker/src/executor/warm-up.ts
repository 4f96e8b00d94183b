import type { ChosenTask } from '../tasks/choose-task.ts'
import type { ModelSettings } from '../tasks/model-settings.ts'
import { claimedProbe, learntProbe, runProbe, wholeProbe } from './probe.ts'
import type { Probe } from './probe.ts'
import type { ModelSession } from './model-session.ts'
import { areMixed, dependsOnPlace, findRandomOutput, proveIndependence } from './prove-independence.ts'
import type { Sample } from './prove-independence.ts'
import type { RowAxes } from './rows-in-front.ts'
import { runFirstRow, runMoreRows, runOtherLength, runShortest, runTwoRows } from './run-samples.ts'
import type { NotRun, Sampling } from './run-samples.ts'

export type WarmedUp = {
  probe: Probe
  /** valid by the input schema */
  example: unknown
  /** rows that could be run; the first is the example */
  samples: Sample[]
  maxRows: number
  /** why rows don't share a run */
  reason: string | null
  /** other rows than the samples may show that they may */
  isUndecided: boolean
  warnings: string[]
}

export type WarmUp = Sampling & {
  session: ModelSession
  chosen: ChosenTask
  /** where `rows` names axes the session has them in front */
  settings: Pick<ModelSettings, 'example' | 'batching'> & { rows?: 'auto' | 'first' | 'none' | RowAxes }
  /** larger runs are tried while one takes no more than this */
  largestRunMs?: number
}

/**
 * Runs the model for the first time: finds an example, learns how the tensors lie, and decides whether rows may share a
 * run. Throws a `Refusal` where the model's own example does not work.
 *
 * Where a model that takes bare tensors turns out to have no rows along its first axis its tensors are taken as they are, unless
 * `rows` in model.yaml says otherwise:
 *
 * | along the first axis, as the file has it               | tensors |
 * | ------------------------------------------------------ | ------- |
 * | the example in model.yaml fits whole tensors only      | whole   |
 * | no row can be run, and whole tensors can               | whole   |
 * | neither can, and the file fixes its length             | whole   |
 * | no output follows it, or not all do where it is fixed  | whole   |
 * | a row's answer is made of other rows                   | whole   |
 * | copies of a row get different answers in one run       | whole   |
 * | the file fixes its length, and no rows are proven      | whole   |
 * | else                                                   | rows    |
 */
export const warmUp = async (options: WarmUp): Promise<WarmedUp> => {
  const { session, chosen, settings } = options
  const said = typeof settings.rows === 'object' ? 'first' : settings.rows
  // the tasks that have no such setting have rows
  const rows = said ?? 'first'
  const claimed = claimedProbe(session, chosen, { areFirstAxesRows: said === 'first' })
  const whole = (reason: string) => wholeProbe(session, chosen, reason)
  if (rows === 'none') return warmUpWhole(options, whole('rows in model.yaml is none'))
  if (claimed.layout.axis === 'none') {
    const inVain = said === 'first' ? [`rows in model.yaml has no effect: ${claimed.layout.reason}`] : []
    const warmedUp = await warmUpWhole(options, claimed)
    return { ...warmedUp, warnings: [...inVain, ...warmedUp.warnings] }
  }
  if (rows === 'first') return (await warmUpRows(options, claimed)).warmedUp

  const { example } = settings
  if (example && (await doesRun(whole(''), example)) && !(await doesRun(claimed, example))) {
    return warmUpWhole(options, whole('the example in model.yaml is of whole tensors'))
  }
  const { warmedUp, notRows } = await warmUpRows(options, claimed)
  // an example that fits rows says that they are some
  if (notRows === null || (example && !(await doesRun(whole(''), example)))) return warmedUp
  const asWhole = await warmUpWhole(options, whole(`its first axis is not one of rows: ${notRows}`))
  const isNothingSeen = warmedUp.samples.length === 0 && asWhole.samples.length === 0
  return isNothingSeen && !claimsMany(claimed) ? warmedUp : asWhole
}

/** Several rows in each run, says the file: that has to be proven. */
const claimsMany = ({ layout: { axis, rowsPerRun } }: Probe) => axis === 'fixed' && rowsPerRun > 1

const doesRun = async (probe: Probe, row: unknown) => !('failure' in (await runProbe(probe, [row])))

const warmUpWhole = async (options: WarmUp, probe: Probe): Promise<WarmedUp> => {
  const first = await runFirstRow(probe, options)
  const { reason } = probe.layout
  if ('failure' in first) return notRun(probe, first)
  const others = [await runOtherLength(probe, options, first), await runShortest(probe, options)]
  const runs = [first.run, ...others].filter((run) => run !== undefined)
  const learnt = learntProbe(probe, options.chosen, runs)
  const sample = { row: first.example, outputs: first.run.outputs }
  return {
    probe: learnt,
    example: first.example,
    samples: [sample],
    maxRows: 1,
    reason,
    isUndecided: false,
    warnings: [],
  }
}

/** `notRows`: why the first axis is none of rows, as far as runs show. */
const warmUpRows = async (
  options: WarmUp,
  claimed: Probe,
): Promise<{ warmedUp: WarmedUp; notRows: string | null }> => {
  const { chosen } = options
  const first = await runFirstRow(claimed, options)
  if ('failure' in first)
    return { warmedUp: notRun(claimed, first), notRows: `one row can't be run (${first.failure})` }
  const runs = [
    first.run,
    await runOtherLength(claimed, options, first),
    await runTwoRows(claimed, first, options),
  ].filter((run) => run !== undefined)
  const example = { row: first.example, outputs: first.run.outputs }
  const { near, all } = await runMoreRows(learntProbe(claimed, chosen, runs), { ...options, example })
  const alike = all.map(({ outputs }) => ({ ranRows: first.run.ranRows, outputs }))
  const probe = learntProbe(claimed, chosen, [...runs, ...alike])
  const samples = [example, ...all]
  const randomOutput = await findRandomOutput(probe, example)
  const verdict = await judge(probe, { ...options, samples, randomOutput })
  const doubted = { example, near, samples, isRandom: randomOutput !== undefined, now: options.now }
  return {
    warmedUp: {
      probe,
      example: first.example,
      samples,
      maxRows: 1,
      isUndecided: false,
      warnings: [],
      ...verdict,
    },
    notRows: verdict.reason === null ? null : await whyNotRows(probe, doubted),
  }
}

type Verdict = Pick<WarmedUp, 'reason'> & Partial<Pick<WarmedUp, 'maxRows' | 'isUndecided' | 'warnings'>>

/** Whether rows may share a run. */
export const judge = async (
  probe: Probe,
  {
    samples,
    settings,
    now,
    randomOutput,
    largestRunMs,
  }: Pick<WarmUp, 'settings' | 'now' | 'largestRunMs'> & {
    samples: readonly Sample[]
    randomOutput: string | undefined
  },
): Promise<Verdict> => {
  const { layout, task } = probe
  const apart = task.outputNames.find((name) => !layout.perRow.has(name))
  if (layout.reason !== null) return { reason: layout.reason }
  if (apart !== undefined) return { reason: `its output ${apart} has no axis for rows` }
  if (randomOutput !== undefined)
    return { reason: `its output ${randomOutput} is another each time that a row runs` }
  const maxRows = Math.min(settings.batching.max_rows, layout.rowsPerRun)
  if (maxRows === 1) return { reason: 'batching.max_rows is 1' }
  const { reason, provenRows, isUndecided } = await proveIndependence(probe, samples, {
    maxRows,
    now,
    largestRunMs,
  })
  if (reason === null) return { reason, maxRows: Math.min(maxRows, provenRows) }
  if (settings.batching.rows !== 'independent') return { reason, isUndecided }
  return {
    reason: null,
    maxRows,
    warnings: [`${reason}: they share runs since model.yaml says so (batching.rows)`],
  }
}

const whyNotRows = async (
  probe: Probe,
  {
    example,
    near,
    samples,
    isRandom,
    now,
  }: Pick<WarmUp, 'now'> & {
    example: Sample
    near: readonly Sample[]
    samples: readonly Sample[]
    isRandom: boolean
  },
): Promise<string | null> => {
  const { layout, task } = probe
  if (layout.rowsPerRun === 1) return null
  const apart = task.outputNames.filter((name) => !layout.perRow.has(name))
  const isWhole = layout.axis === 'fixed' ? apart.length > 0 : apart.length === task.outputNames.length
  if (isWhole) return `its output ${apart[0]} has no axis for rows`
  if (isRandom) return null
  if (layout.axis === 'fixed') {
    // the file has so many together, and may mean a matrix by it: they are rows where that is proven
    const proof = await proveIndependence(probe, samples, { maxRows: layout.rowsPerRun, now })
    return proof.reason
  }
  if (await dependsOnPlace(probe, example)) return 'copies of one row get different answers in one run'
  if (near.length === 0) return null
  return (await areMixed(probe, [example, ...near])) ? "a row's answer changes with the rows beside it" : null
}

const notRun = (probe: Probe, { example, failure }: NotRun): WarmedUp => {
  const reason = `no generated row could be run (${failure}); give an example in model.yaml`
  const isUndecided = probe.layout.axis !== 'none'
  return { probe, example, samples: [], maxRows: 1, reason, isUndecided, warnings: [] }
}
