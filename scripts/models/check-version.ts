import { isMachineTrouble } from '../../apps/worker/src/machine-trouble.ts'
import type { ModelDefinition } from '../../apps/worker/src/repository/model-definition.ts'
import type { VersionDescription } from '../../apps/worker/src/supervision/describe-version.ts'
import { Executor } from '../../apps/worker/src/supervision/executor.ts'
import { ExecutorDied } from '../../apps/worker/src/supervision/executor-died.ts'
import { VersionRefused } from '../../apps/worker/src/supervision/load-version.ts'
import { readGoldenCases } from './golden-cases.ts'
import { runGolden, runRows } from './run-golden.ts'
import type { GoldenReport } from './run-golden.ts'

/**
 * What became of a version:
 *
 * `ready`: it can be served, and answered the golden cases as it should · `wrong`: it did not · `refused`: no worker serves
 * it, for a reason in its files · `not loaded`: its executor ended while it loaded, and a worker would try for ever ·
 * `unread`: the machine can't read it at present
 */
export type VersionStatus = 'ready' | 'wrong' | 'refused' | 'not loaded' | 'unread'

export type CheckedVersion = {
  model: string
  version: string | null
  status: VersionStatus
  /** why it is not ready, where it is not for golden cases; a sentence without its end */
  reason: string | null
  /** what was found, where it was loaded */
  found: Pick<VersionDescription, 'timing' | 'memoryBytes' | 'peakBytes' | 'interface'> | null
  /** why the example can't be run; null where it can, or there is none */
  exampleProblem: string | null
  golden: GoldenReport
}

/**
 * Loads a version as a worker does, in an executor of its own, and runs its example and its golden cases there. Rejects only
 * where this program is to blame. Aborting the signal ends the executor.
 */
export const checkVersion = async (
  definition: ModelDefinition,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<CheckedVersion> => {
  const { name: model, version, settings } = definition
  const golden = await readGoldenCases(definition.onnxPath)
  const cases = 'cases' in golden ? golden.cases : []
  const checked = { model, version, found: null, exampleProblem: null, golden: noneOf(cases.length) }
  try {
    const executor = await Executor.start({
      definition,
      threads: settings.threads === 'auto' ? 1 : settings.threads,
      timeoutMs: settings.timeout_s * 1000,
      ...(signal ? { signal } : {}),
    })
    try {
      const { description } = executor
      const found = { ...checked, found: description }
      const exampleProblem = await runExample(executor)
      // it would only be said of every case again
      if (executor.isGone) return { ...found, status: 'wrong', reason: null, exampleProblem }
      const report = await runGolden(executor, cases)
      const isRight = report.failures.length === 0 && 'cases' in golden
      const reason = 'problem' in golden ? golden.problem : null
      return { ...found, status: isRight ? 'ready' : 'wrong', reason, exampleProblem, golden: report }
    } finally {
      executor.stop()
      await executor.ended
    }
  } catch (err) {
    if (err instanceof VersionRefused) return { ...checked, status: 'refused', reason: err.message }
    if (err instanceof ExecutorDied)
      return { ...checked, status: 'not loaded', reason: `the executor ${err.message}` }
    if (!isMachineTrouble(err)) throw err
    return { ...checked, status: 'not loaded', reason: err instanceof Error ? err.message : String(err) }
  }
}

const noneOf = (cases: number): GoldenReport => ({ cases, passed: 0, failures: [] })

const runExample = async (executor: Executor) => {
  const { example } = executor.description.interface
  if (example === null || example === undefined) return null
  const [answer] = await runRows(executor, [example])
  return answer && 'problem' in answer ? answer.problem : null
}
