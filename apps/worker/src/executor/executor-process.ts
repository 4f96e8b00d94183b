import { flushCompileCache } from 'node:module'
import { Refusal } from '../refusal.ts'
import { loadModel } from './load-model.ts'
import type { LoadedModel } from './load-model.ts'
import type { FromExecutor, ToExecutor } from './protocol.ts'
import { RunFailed } from './run-failed.ts'
import { watchParent } from './watchdog.ts'

/**
 * The process that holds one loaded model version. Started by the worker with `fork`, and ends with it: when the
 * channel closes, or by the watchdog. A signal from the terminal goes to the whole process group; only the worker
 * decides what follows from it.
 */
let model: LoadedModel | undefined
let turn = Promise.resolve()

const receive = async (message: ToExecutor) => {
  if (message.type === 'load') answer(await load(message))
  else answer(await run(message))
}

const load = async ({
  definition,
  threads,
}: Extract<ToExecutor, { type: 'load' }>): Promise<FromExecutor> => {
  process.title = `onqueue-executor ${definition.name}/${definition.version}`
  try {
    model = await loadModel(definition, threads)
    // an executor is killed rather than ended, so it would never be written; it saves the next one 30 MB
    flushCompileCache()
    return { type: 'loaded', ...model.loaded }
  } catch (err) {
    if (err instanceof Refusal) return { type: 'refused', reason: err.message }
    // the machine's trouble or a defect of ours: nothing is said against the files. The stack is for the worker's log
    const stack = err instanceof Error ? err.stack : undefined
    return { type: 'load-failed', reason: String(err), ...(stack ? { stack } : {}) }
  }
}

const run = async ({ runId, rows }: Extract<ToExecutor, { type: 'run' }>): Promise<FromExecutor> => {
  if (!model) throw new Error('asked to run rows before a model was loaded')
  const started = performance.now()
  try {
    const results = await model.runRows(rows)
    return { type: 'ran', runId, results, runMs: performance.now() - started }
  } catch (err) {
    if (err instanceof RunFailed) return { type: 'run-failed', runId, detail: err.message }
    throw err
  }
}

const answer = (message: FromExecutor) => process.send?.(message)

/** The channel has one writer, the worker that started this very file: checking each message would only cost time. */
const isToExecutor = (message: unknown): message is ToExecutor =>
  typeof message === 'object' && message !== null && 'type' in message

watchParent()
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)
process.on('disconnect', () => process.exit())
process.on('message', (message) => {
  if (!isToExecutor(message)) return
  // one after the other; an error that is not an answer ends the process, and the worker starts another
  turn = turn.then(() => receive(message))
})
