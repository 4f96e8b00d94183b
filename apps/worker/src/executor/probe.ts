import { findRowLayout } from '../tensors/row-layout.ts'
import type { RowLayout } from '../tensors/row-layout.ts'
import type { ChosenTask } from '../tasks/choose-task.ts'
import { describeProblem } from '../tasks/task.ts'
import type { RowProblem, Task } from '../tasks/task.ts'
import type { Signature, Tensors } from '../tensors/tensor.ts'
import { tidyMessage } from './explain-load-error.ts'
import type { ModelSession } from './model-session.ts'
import { runFilledUp } from './run-rows.ts'

/** A model with its task, before it is known whether rows may share a run. */
export type Probe = { session: ModelSession; task: Task; layout: RowLayout }

/** What came out of running rows in one go, padding included, or why they could not be run. */
export type ProbeRun = { outputs: Tensors; ranRows: number } | { failure: string; problem?: RowProblem }

/** Throws a `Refusal` where settings and model don't fit together. */
export const createProbe = (session: ModelSession, chosen: ChosenTask, signature: Signature): Probe => {
  const all = chosen.create({ signature, layout: findRowLayout(signature) })
  // an output that the task has no use for must not decide whether rows may share a run
  const used = signature.outputs.filter((output) => all.outputNames.includes(output.name))
  const layout = findRowLayout({ inputs: signature.inputs, outputs: used })
  return { session, task: chosen.create({ signature, layout }), layout }
}

/**
 * Completes what the file says of the outputs by what a run of one row gave: their axes where the file tells none, and
 * which of them don't have an element for each row after all (such as the boxes that a detector found).
 */
export const refineProbe = (
  probe: Probe,
  chosen: ChosenTask,
  { outputs, ranRows }: { outputs: Tensors; ranRows: number },
): Probe => {
  const { inputs, outputs: infos } = probe.session.signature
  const signature = {
    inputs,
    outputs: infos.map((info) => {
      const dims = outputs[info.name]?.dims ?? []
      return info.shape.length === 0 ? { ...info, shape: dims.map(() => '') } : info
    }),
  }
  const { session, layout } = createProbe(probe.session, chosen, signature)
  const whole = [...layout.perRow].filter((name) => outputs[name]?.dims[0] !== ranRows)
  if (whole.length === 0) return { session, layout, task: chosen.create({ signature, layout }) }
  const perRow = new Set([...layout.perRow].filter((name) => !whole.includes(name)))
  const reason = layout.reason ?? `its output ${whole[0]} has no axis for rows`
  const refined = { ...layout, perRow, reason }
  return { session, layout: refined, task: chosen.create({ signature, layout: refined }) }
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
