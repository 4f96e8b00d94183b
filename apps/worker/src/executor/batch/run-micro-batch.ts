import type { RowProblem } from '@onqueue/shared/rows'
import type { Tensors } from '../../tensors/tensor.ts'
import { tidyMessage } from '../explain-load-error.ts'
import type { Probe } from '../probe.ts'
import { runAndDecode } from '../run-rows.ts'
import type { RowErrorCode } from './row-writer.ts'

/** Why a row has no output; where a place in its input is to blame, `pointer` says which. */
export type RowFailure = { ok: false; code: RowErrorCode; detail: string; pointer?: string }

export type RowOutcome = { ok: true; output: unknown } | RowFailure

/**
 * Encodes, runs and decodes inputs that are run together. Where ONNX Runtime throws on them each runs by itself, on the spot:
 * `beforeAlone` is called with the place of each, and only those on which it throws again fail.
 */
export const runMicroBatch = async (
  probe: Probe,
  inputs: unknown[],
  beforeAlone: (place: number) => void,
): Promise<RowOutcome[]> => {
  const { groups, problems } = await probe.task.encode(inputs)
  const [first] = groups
  // the usual case: all are good, and of one shape
  if (first?.positions.length === inputs.length) return runGroup(probe, inputs, first, beforeAlone)
  const outcomes = inputs.map((): RowOutcome => lost)
  for (const [place, problem] of problems) outcomes[place] = invalidInput(problem)
  for (const group of groups) {
    const results = await runGroup(probe, inputs, group, beforeAlone)
    for (const [index, place] of group.positions.entries()) outcomes[place] = results[index] ?? lost
  }
  return outcomes
}

/** Runs one input by itself. */
export const runAlone = async (probe: Probe, input: unknown): Promise<RowOutcome> => {
  const { groups, problems } = await probe.task.encode([input])
  const problem = problems.get(0)
  if (problem) return invalidInput(problem)
  const [group] = groups
  if (!group) return lost
  try {
    const [result = lost] = await runAndDecode(probe, group.feeds, 1)
    return result
  } catch (err) {
    const message = err instanceof Error ? err.message : String(err)
    return failure('inference_failed', `the model failed: ${tidyMessage(message)}`)
  }
}

export const failure = (code: RowErrorCode, detail: string): RowFailure => ({ ok: false, code, detail })

export const invalidInput = ({ pointer, detail }: RowProblem): RowFailure => ({
  ok: false,
  code: 'invalid_input',
  detail,
  pointer,
})

export const lost = failure('inference_failed', 'the executor lost this row')

type Group = { positions: number[]; feeds: Tensors }

const runGroup = async (
  probe: Probe,
  inputs: unknown[],
  group: Group,
  beforeAlone: (place: number) => void,
): Promise<RowOutcome[]> => {
  try {
    return await runAndDecode(probe, group.feeds, group.positions.length)
  } catch {
    // any of them may be guilty, and which is seen when they run again
  }
  const outcomes: RowOutcome[] = []
  for (const place of group.positions) {
    beforeAlone(place)
    outcomes.push(await runAlone(probe, inputs[place]))
  }
  return outcomes
}
