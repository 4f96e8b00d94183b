import { flushCompileCache } from 'node:module'
import { Socket } from 'node:net'
import { Refusal } from '../refusal.ts'
import { FrameReader } from './frames.ts'
import { loadModel } from './load-model.ts'
import type { LoadedModel } from './load-model.ts'
import type { FromExecutor, ToExecutor } from './protocol.ts'
import { runChannelFd } from './run-channel-fd.ts'
import { RunFailed } from './run-failed.ts'
import { encodeFailed, encodeRan, readRun } from './run-messages.ts'
import { startStopwatch } from './stopwatch.ts'
import { watchParent } from './watchdog.ts'

type LoadMessage = Extract<ToExecutor, { type: 'load' }>

/**
 * The process that holds loaded model versions, each in its place: one, or several that are small. Started by the worker with
 * `fork`, and ends with it: when the channel closes, or by the watchdog. A signal from the terminal goes to the whole process
 * group; only the worker decides what follows from it.
 */
const models = new Map<number, LoadedModel & { title: string }>()
let turn = Promise.resolve()

/** One after the other; an error that is not an answer ends the process, and the worker starts another. */
const inTurn = (task: () => Promise<void>) => {
  turn = turn.then(task)
}

/** What is not to keep others waiting for longer than one of its runs. Rejects as the run does. */
const betweenOthers = <T>(run: () => Promise<T>) =>
  new Promise<T>((resolve, reject) => inTurn(() => run().then(resolve, reject)))

const load = async ({ place, definition, threads }: LoadMessage): Promise<FromExecutor> => {
  const title = `${definition.name}/${definition.version}`
  const bytesBefore = process.memoryUsage.rss()
  const isFirst = models.size === 0
  if (isFirst) process.title = `onqueue-executor ${title}`
  try {
    const model = await loadModel(definition, threads)
    models.set(place, { ...model, title })
    showTitle()
    // an executor is killed rather than ended, so it would never be written; it saves the next one 30 MB
    if (isFirst) flushCompileCache()
    const bytes = process.memoryUsage.rss()
    const grownBytes = Math.max(0, bytes - bytesBefore)
    return { type: 'loaded', ...model.loaded, memoryBytes: isFirst ? bytes : grownBytes, grownBytes }
  } catch (err) {
    if (err instanceof Refusal) return { type: 'refused', reason: err.message }
    // the machine's trouble or a defect of ours: nothing is said against the files. The stack is for the worker's log
    const stack = err instanceof Error ? err.stack : undefined
    return { type: 'load-failed', reason: String(err), ...(stack ? { stack } : {}) }
  }
}

const prove = async (place: number) => {
  const verdict = await models.get(place)?.served.proveAgain(betweenOthers)
  const proven: FromExecutor | undefined = verdict && { type: 'proven', place, verdict }
  if (proven) process.send?.(proven)
}

const unload = async (place: number) => {
  const model = models.get(place)
  models.delete(place)
  showTitle()
  await model?.release()
}

/** For `ps`: several names would not fit. */
const showTitle = () => {
  const [only, ...others] = models.values()
  process.title = `onqueue-executor ${others.length === 0 && only ? only.title : `of ${models.size} versions`}`
}

/** The answer, as a frame. */
const run = async (content: Buffer) => {
  const { runId, place, rows } = readRun(content)
  const model = models.get(place)
  // nobody waits for it any more
  if (!model) return encodeFailed({ runId, detail: 'the version was unloaded before' })
  const stop = startStopwatch(model.loaded.found.providers)
  try {
    const results = await model.served.run(rows)
    return encodeRan({ runId, results, ...stop() })
  } catch (err) {
    if (err instanceof RunFailed) return encodeFailed({ runId, detail: err.message })
    throw err
  }
}

/** The channel has one writer, the worker that started this very file: checking each message would only cost time. */
const isToExecutor = (message: unknown): message is ToExecutor =>
  typeof message === 'object' && message !== null && 'type' in message

watchParent()
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)
process.on('disconnect', () => process.exit())
process.on('message', (message) => {
  if (!isToExecutor(message)) return
  switch (message.type) {
    case 'load':
      return inTurn(async () => void process.send?.(await load(message)))
    case 'prove':
      return void prove(message.place)
    case 'share':
      return models.get(message.place)?.served.share(message.maxRows)
    case 'unload':
      return inTurn(() => unload(message.place))
  }
})

const runs = new Socket({ fd: runChannelFd, readable: true, writable: true })
const frames = new FrameReader((content) => inTurn(async () => void runs.write(await run(content))))
runs.on('data', (piece) => frames.push(piece))
// it breaks when the worker is gone
runs.on('error', () => process.exit())
