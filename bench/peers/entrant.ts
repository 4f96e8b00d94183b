import { addFailures, toFailures } from '../figures/failures.ts'
import type { Failures } from '../figures/failures.ts'
import { rateOf, sum } from '../figures/statistics.ts'
import { startCallers } from '../load/callers.ts'
import type { CallReport } from '../load/callers.ts'
import { readParent, readPssBytes } from '../processes/proc.ts'
import { watchProcesses } from '../processes/process-watch.ts'
import { readCases } from './cases.ts'
import type { ModelName } from './cases.ts'
import type { Contender } from './contender.ts'

/** A contender that runs, with callers of its own. */
export type Entrant = {
  url: string
  predict: (options: CallOptions) => Promise<Called>
  /** Each submits, then reads until the prediction has ended. Only where the contender can be asked so. */
  submit?: (options: CallOptions) => Promise<Called>
  /** of everything that was started for it */
  readPssBytes: () => number
  /** Ends one of the processes that run the model with `SIGKILL`. */
  killModelProcess: () => void
  close: () => Promise<void>
}

type CallOptions = { clients: number; durationMs: number; patienceMs?: number }

export type Called = Failures & {
  report: CallReport
  /** calls a second that had their right answer; all others are failures */
  perSecond: number
  /** CPU of the server's processes for each of them, in microseconds */
  microsEach: number
}

export const openEntrant = async (contender: Contender, model: ModelName): Promise<Entrant> => {
  const { predict, submit } = contender.wording
  const cases = await readCases(model)
  const predicts = cases.map(predict)
  const [probe] = predicts
  if (!probe) throw new Error(`there are no answers of the ${model} model`)

  await using opened = new AsyncDisposableStack()
  const server = await contender.start({ model, probe })
  opened.defer(server.close)
  const callers = await startCallers(server.url)
  opened.defer(callers.close)
  const toCaller = (calls: typeof predicts) => async (options: CallOptions) => {
    const pids = server.listProcesses().map(({ pid }) => pid)
    const watch = watchProcesses(Object.fromEntries(pids.map((pid, index) => [`process ${index + 1}`, pid])))
    const report = await callers.call({ calls, ...options })
    const cpuSeconds = sum(Object.values(watch.stop()).map((one) => one.cpuSeconds))
    const { answered, startedAt, endedAt } = report
    return {
      report,
      perSecond: rateOf(answered, endedAt - startedAt),
      microsEach: (1e6 * cpuSeconds) / answered,
      ...toFailed(contender, report),
    }
  }

  const running = opened.move()
  return {
    url: server.url,
    predict: toCaller(predicts),
    ...(submit && { submit: toCaller(cases.map(submit)) }),
    readPssBytes: () => sum(server.listProcesses().map(({ pid }) => readPssBytes(pid))),
    killModelProcess: () => process.kill(findModelProcess(contender, server.listProcesses()), 'SIGKILL'),
    close: () => running.disposeAsync(),
  }
}

const toFailed = ({ name }: Contender, { wrong, troubles }: CallReport): Failures =>
  addFailures([
    { ...wrong, examples: wrong.examples.map((example) => `${name}: ${example}`) },
    toFailures(troubles.map(({ reason }) => `${name}: ${reason}`)),
  ])

/** Some start the processes that run the model from one with the same command line. */
const findModelProcess = (
  { name, modelProcess }: Contender,
  processes: readonly { pid: number; command: string }[],
) => {
  const pids = processes.filter(({ command }) => modelProcess.test(command)).map(({ pid }) => pid)
  const parents = new Set(pids.map(readParent))
  const found = pids.find((pid) => !parents.has(pid))
  if (found === undefined) throw new Error(`${name} has no process that runs the model`)
  return found
}
