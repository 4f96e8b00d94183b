import type { Executor } from '../../apps/worker/src/supervision/executor.ts'
import { RunFailed } from '../../apps/worker/src/executor/run-failed.ts'
import { findDifference } from './find-difference.ts'
import type { GoldenCase } from './golden-cases.ts'

/** A case that did not go as it should; `pointer` is where in the output, where there was one. */
type GoldenFailure = { case: number; pointer: string; detail: string }

export type GoldenReport = { cases: number; passed: number; failures: GoldenFailure[] }

/** A row that was run: what came of it as a value, or why nothing did. */
type Answer = { output: unknown } | { problem: string }

/**
 * Runs each case by itself and then, where rows share runs, the rows of all together: batching must change no answer. Where
 * the executor dies of a case those after it are not run, and don't pass.
 */
export const runGolden = async (executor: Executor, cases: readonly GoldenCase[]): Promise<GoldenReport> => {
  const failures: GoldenFailure[] = []
  for (const [index, golden] of cases.entries()) {
    const answers = await runRows(executor, rowsOf(golden))
    const failure = judge(executor, { golden, index, answers })
    if (failure) failures.push(failure)
    if (executor.isGone) return { cases: cases.length, passed: index + 1 - failures.length, failures }
  }
  const { enabled } = executor.description.interface.batching
  const together = enabled && cases.length > 1 ? await runTogether(executor, cases, failures) : []
  const all = [...failures, ...together]
  return { cases: cases.length, passed: cases.length - all.length, failures: all }
}

const rowsOf = ({ input }: GoldenCase) => (Array.isArray(input) ? input : [input])

/** Of the cases that were right by themselves. The rest would tell the same again. */
const runTogether = async (executor: Executor, cases: readonly GoldenCase[], failures: GoldenFailure[]) => {
  const wrong = new Set(failures.map((failure) => failure.case))
  const right = [...cases.entries()].filter(([index]) => !wrong.has(index))
  const answers = await runRows(
    executor,
    right.flatMap(([, golden]) => rowsOf(golden)),
  )
  let start = 0
  return right.flatMap(([index, golden]) => {
    const own = answers.slice(start, (start += rowsOf(golden).length))
    const failure = judge(executor, { golden, index, answers: own })
    return failure
      ? [{ ...failure, detail: `${failure.detail} (in a run with other rows; alone it is right)` }]
      : []
  })
}

/**
 * What every row came to: where ONNX Runtime throws on several, the halves run next, as in a worker. Never rejects: an executor
 * that died, or threw on a row alone, is what came of it.
 */
export const runRows = async (executor: Executor, rows: unknown[]): Promise<Answer[]> => {
  try {
    const { results } = await executor.run(rows, () => undefined)
    return results.map((result): Answer =>
      result.ok ? { output: result.output.value() } : { problem: `${result.code}: ${result.detail}` },
    )
  } catch (err) {
    if (err instanceof RunFailed && rows.length > 1) {
      const half = Math.ceil(rows.length / 2)
      const first = await runRows(executor, rows.slice(0, half))
      return [...first, ...(await runRows(executor, rows.slice(half)))]
    }
    const problem = err instanceof Error ? err.message : String(err)
    return rows.map(() => ({ problem: executor.isGone ? `the executor ${problem}` : problem }))
  }
}

const judge = (
  executor: Executor,
  { golden, index, answers }: { golden: GoldenCase; index: number; answers: Answer[] },
): GoldenFailure | undefined => {
  const { outputSchema } = executor.description.interface
  const expected = Array.isArray(golden.input) ? golden.output : [golden.output]
  const actual: unknown[] = []
  for (const answer of answers) {
    if ('problem' in answer) return { case: index, pointer: '', detail: answer.problem }
    actual.push(answer.output)
  }
  const found = findDifference(expected, actual, { items: outputSchema })
  if (!found) return undefined
  // where one row was given there is no array of them
  return {
    case: index,
    ...found,
    pointer: Array.isArray(golden.input) ? found.pointer : found.pointer.replace(/^\/0/, ''),
  }
}
