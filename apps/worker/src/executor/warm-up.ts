import type { ChosenTask } from '../tasks/choose-task.ts'
import type { ModelSettings } from '../tasks/model-settings.ts'
import { claimedProbe, learntProbe, runProbe, wholeProbe } from './probe.ts'
import type { Probe } from './probe.ts'
import type { ModelSession } from './model-session.ts'
import { areMixed, proveIndependence } from './prove-independence.ts'
import type { Sample } from './prove-independence.ts'
import { runFirstRow, runMoreRows, runOtherLength, runTwoRows } from './run-samples.ts'
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
  warnings: string[]
}

type WarmUp = Sampling & {
  session: ModelSession
  chosen: ChosenTask
  settings: Pick<ModelSettings, 'example' | 'batching'> & { rows?: 'auto' | 'first' | 'none' }
}

/**
 * Runs the model for the first time: finds an example, learns how the tensors lie, and decides whether rows may share a
 * run. Throws a `Refusal` where the model's own example does not work.
 *
 * Where a model that takes bare tensors turns out to have no rows along its first axis (no output follows it, or one row's
 * answer is made of another's) its tensors are taken as they are, unless `rows` in model.yaml says otherwise.
 */
export const warmUp = async (options: WarmUp): Promise<WarmedUp> => {
  const { session, chosen, settings } = options
  // the tasks that have no such setting have rows
  const { rows = 'first' } = settings
  if (rows === 'none') {
    return warmUpWhole(options, wholeProbe(session, chosen, 'rows in model.yaml is none'))
  }
  const claimed = claimedProbe(session, chosen)
  if (claimed.layout.axis === 'none') return warmUpWhole(options, claimed)
  const { notRows, ...warmedUp } = await warmUpRows(options, claimed)
  if (notRows === null || rows === 'first') return warmedUp
  const whole = wholeProbe(session, chosen, `its first axis is not one of rows: ${notRows}`)
  // an example in model.yaml that only fits rows says that they are some
  const isExampleWhole = !settings.example || !('failure' in (await runProbe(whole, [settings.example])))
  return isExampleWhole ? warmUpWhole(options, whole) : warmedUp
}

const warmUpWhole = async (options: WarmUp, probe: Probe): Promise<WarmedUp> => {
  const first = await runFirstRow(probe, options)
  const { reason } = probe.layout
  if ('failure' in first) return notRun(probe, first)
  const other = await runOtherLength(probe, options)
  const learnt = learntProbe(probe, options.chosen, other ? [first.run, other] : [first.run])
  const sample = { row: first.example, outputs: first.run.outputs }
  return { probe: learnt, example: first.example, samples: [sample], maxRows: 1, reason, warnings: [] }
}

/** `notRows`: why the first axis is none of rows, as far as runs show. */
const warmUpRows = async (
  options: WarmUp,
  claimed: Probe,
): Promise<WarmedUp & { notRows: string | null }> => {
  const { chosen, settings, now } = options
  const first = await runFirstRow(claimed, options)
  if ('failure' in first) return { ...notRun(claimed, first), notRows: null }
  const runs = [
    first.run,
    await runOtherLength(claimed, options),
    await runTwoRows(claimed, first, options),
  ].filter((run) => run !== undefined)
  const example = { row: first.example, outputs: first.run.outputs }
  const others = await runMoreRows(learntProbe(claimed, chosen, runs), { ...options, example })
  const samples = [example, ...others]
  const alike = others.map(({ outputs }) => ({ ranRows: first.run.ranRows, outputs }))
  const probe = learntProbe(claimed, chosen, [...runs, ...alike])
  const { layout, task } = probe
  const found = { probe, example: first.example, samples, warnings: [], notRows: null }
  const alone = (reason: string) => ({ ...found, maxRows: 1, reason })

  const apart = task.outputNames.find((name) => !layout.perRow.has(name))
  const isNoneOfRows = layout.rowsPerRun > 1 && task.outputNames.every((name) => !layout.perRow.has(name))
  if (apart !== undefined) {
    const reason = layout.reason ?? `its output ${apart} has no axis for rows`
    return { ...alone(reason), notRows: isNoneOfRows ? reason : null }
  }
  const maxRows = Math.min(settings.batching.max_rows, layout.rowsPerRun)
  if (layout.reason !== null) return alone(layout.reason)
  const proof = await proveIndependence(probe, samples, { maxRows: Math.max(2, maxRows), now })
  const isTaken = settings.batching.rows === 'independent' && proof.change !== null
  if (proof.reason !== null && !isTaken) {
    return { ...alone(proof.reason), notRows: areMixed(proof) ? proof.reason : null }
  }
  if (maxRows === 1) return alone('batching.max_rows is 1')
  if (proof.reason !== null) {
    const warnings = [`${proof.reason}: they share runs since model.yaml says so (batching.rows)`]
    return { ...found, maxRows, reason: null, warnings }
  }
  return { ...found, maxRows: Math.min(maxRows, proof.provenRows), reason: null }
}

const notRun = (probe: Probe, { example, failure }: NotRun): WarmedUp => {
  const reason = `no generated row could be run (${failure}); give an example in model.yaml`
  return { probe, example, samples: [], maxRows: 1, reason, warnings: [] }
}
