import type { RowProblem } from '@onqueue/shared/rows'
import { findRowLayout, wholeLayout } from '../tensors/row-layout.ts'
import type { RowLayout } from '../tensors/row-layout.ts'
import type { ChosenTask } from '../tasks/choose-task.ts'
import { describeProblem } from '../tasks/task.ts'
import type { Task } from '../tasks/task.ts'
import type { Signature } from '../tensors/tensor.ts'
import { tidyMessage } from './explain-load-error.ts'
import { learnPerRow, learnShapes } from './learn-axes.ts'
import type { SeenRun } from './learn-axes.ts'
import type { ModelSession } from './model-session.ts'
import { runFilledUp } from './run-rows.ts'

/** A model with its task, before it is known whether rows may share a run. */
export type Probe = { session: ModelSession; task: Task; layout: RowLayout }

/** What came out of running rows in one go, or why they could not be run. */
export type ProbeRun = SeenRun | { failure: string; problem?: RowProblem }

/** As the shapes in the file suggest. Throws a `Refusal` where settings and model don't fit together. */
export const claimedProbe = (
  session: ModelSession,
  chosen: ChosenTask,
  options: { areFirstAxesRows: boolean },
): Probe => probeOf(session, chosen, session.signature, findRowLayout(session.signature, options))

/** With whole tensors, where the first axis is not one of rows. */
export const wholeProbe = (session: ModelSession, chosen: ChosenTask, reason: string): Probe =>
  probeOf(session, chosen, session.signature, wholeLayout(reason))

/** As runs show it: the axes of the outputs, which of these have a slice for each row, and what values they have. */
export const learntProbe = (probe: Probe, chosen: ChosenTask, runs: readonly SeenRun[]): Probe => {
  const { inputs, outputs } = probe.session.signature
  const layout = { ...probe.layout, perRow: learnPerRow(probe.layout, runs) }
  const signature = { inputs, outputs: learnShapes(outputs, runs) }
  return probeOf(probe.session, chosen, signature, layout, runs)
}

const probeOf = (
  session: ModelSession,
  chosen: ChosenTask,
  signature: Signature,
  layout: RowLayout,
  runs: readonly SeenRun[] = [],
): Probe => {
  const seen = runs.map(({ outputs }) => outputs)
  return { session, layout, task: chosen.create({ signature, layout, seen }) }
}

/** Runs rows of one shape together, whether or not they may. */
export const runProbe = async (probe: Probe, rows: unknown[]): Promise<ProbeRun> => {
  const { groups, problems } = await probe.task.encode(rows)
  const [problem] = problems.values()
  if (problem) return { failure: describeProblem(problem), problem }
  const [group, other] = groups
  if (!group || other) return { failure: 'the rows are of different shapes' }
  try {
    return await runFilledUp(probe, group.feeds, rows.length)
  } catch (err) {
    return { failure: tidyMessage(err instanceof Error ? err.message : String(err)) }
  }
}
