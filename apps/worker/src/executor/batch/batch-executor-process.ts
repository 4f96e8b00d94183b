import { flushCompileCache } from 'node:module'
import { InvalidFile } from '@onqueue/shared/rows'
import { openLocalStorage } from '@onqueue/shared/storage'
import type { Storage } from '@onqueue/shared/storage'
import { Refusal } from '../../refusal.ts'
import { loadModel } from '../load-model.ts'
import type { Probe } from '../probe.ts'
import { watchParent } from '../watchdog.ts'
import type { BatchFile } from './batch-file.ts'
import type { FromBatchExecutor, ToBatchExecutor } from './batch-protocol.ts'
import type { FileRows } from './file-rows.ts'
import { finishFile } from './finish-file.ts'
import { openRows } from './open-rows.ts'
import { planFile } from './plan-file.ts'
import { scoreToStorage } from './score-to-storage.ts'

type Message<Type extends ToBatchExecutor['type']> = Extract<ToBatchExecutor, { type: Type }>
type Opened = { probe: Probe; storage: Storage; microBatchRows: number; rowMs: number }

/**
 * The process that scores chunks of files with one version, one after the other. Started by the worker with `fork`, and ends
 * with it: when the channel closes, or by the watchdog. A signal from the terminal goes to the whole process group; only the
 * worker decides what follows from it.
 */
let opened: Opened | undefined
let stop = new AbortController()
let goOn: (() => void) | undefined
/** of the file that was looked at last, which is mostly the next one too */
let lastRows: { file: string; rows: FileRows } | undefined

const send = (message: FromBatchExecutor) => void process.send?.(message)

const load = async (message: Message<'load'>): Promise<FromBatchExecutor> => {
  const { definition, threads, storageRoot, microBatchRows: wanted } = message
  process.title = `onqueue-batch ${definition.name}/${definition.version}`
  try {
    const { probe, loaded } = await loadModel(definition, threads, { proveRows: wanted })
    const { batchMs, batchRows } = loaded.timing
    const microBatchRows = Math.min(wanted, loaded.found.batching.maxRows)
    opened = {
      probe,
      storage: await openLocalStorage(storageRoot),
      microBatchRows,
      rowMs: Math.max(1e-6, batchMs / batchRows),
    }
    flushCompileCache()
    return { type: 'loaded', microBatchRows, providers: loaded.found.providers }
  } catch (err) {
    if (err instanceof Refusal) return { type: 'refused', reason: err.message }
    return { type: 'load-failed', reason: String(err), ...stackOf(err) }
  }
}

const score = async (message: Message<'score'>): Promise<FromBatchExecutor> => {
  const { storage, probe, microBatchRows } = model()
  const result = await scoreToStorage({
    ...message,
    storage,
    probe,
    microBatchRows: Math.min(microBatchRows, message.file.microBatchRows),
    rows: await rowsOf(message.file),
    stop: stop.signal,
    onAt: (row, rows) => send({ type: 'at', row, rows }),
    onRan: () => send({ type: 'ran' }),
  })
  return result.isStopped ? { type: 'stopped' } : { type: 'scored', score: result }
}

/** The last step is the answer. */
const plan = async (message: Message<'plan'>): Promise<FromBatchExecutor> => {
  const { storage, rowMs: measuredMs } = model()
  let answer: FromBatchExecutor = { type: 'stopped' }
  await planFile({
    ...message,
    storage,
    rowMs: message.rowMs ?? measuredMs,
    rows: await rowsOf(message.file),
    onStep: async (step) => {
      const planned: FromBatchExecutor = { type: 'planned', step }
      if (step.isLast) answer = planned
      else {
        const isTaken = new Promise<void>((resolve) => (goOn = resolve))
        send(planned)
        await isTaken
      }
      return !stop.signal.aborted
    },
  })
  return answer
}

const finish = async (message: Message<'finish'>): Promise<FromBatchExecutor> => {
  const { storage } = model()
  const footerBytes = await finishFile({ ...message, storage, rows: await rowsOf(message.file) })
  return { type: 'finished', footerBytes }
}

const model = () => {
  if (!opened) throw new Error('no model was loaded')
  return opened
}

const rowsOf = async (file: BatchFile) => {
  const key = JSON.stringify(file)
  if (lastRows?.file !== key) {
    const { storage, probe } = model()
    lastRows = { file: key, rows: await openRows(storage, file, probe) }
  }
  return lastRows.rows
}

const explain = (err: unknown): FromBatchExecutor => {
  const message = err instanceof Error ? err.message : String(err)
  if (err instanceof InvalidFile) return { type: 'failed', why: 'invalid_file', message }
  const code = err instanceof Error && 'code' in err ? err.code : undefined
  const isStorage = code === 'storage_full' || code === 'storage_unavailable'
  return { type: 'failed', why: isStorage ? code : 'defect', message, ...stackOf(err) }
}

/** For the log of the worker: why a storage can't be used is in what caused the error. */
const stackOf = (err: unknown) =>
  err instanceof Error && err.stack !== undefined ? { stack: withCauses(err, err.stack) } : {}

const withCauses = ({ cause }: Error, stack: string): string =>
  cause instanceof Error && cause.stack !== undefined
    ? `${stack}\ncaused by ${withCauses(cause, cause.stack)}`
    : stack

const answer = async (work: Promise<FromBatchExecutor>) => send(await work.catch(explain))

/** The channel has one writer, the worker that started this very file: checking each message would only cost time. */
const isToExecutor = (message: unknown): message is ToBatchExecutor =>
  typeof message === 'object' && message !== null && 'type' in message

watchParent()
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)
process.on('disconnect', () => process.exit())
process.on('message', (message) => {
  if (!isToExecutor(message)) return
  switch (message.type) {
    case 'load':
      return void answer(load(message))
    case 'score':
      stop = new AbortController()
      return void answer(score(message))
    case 'plan':
      stop = new AbortController()
      return void answer(plan(message))
    case 'finish':
      return void answer(finish(message))
    case 'stop':
      stop.abort()
      return goOn?.()
    case 'go-on':
      return goOn?.()
  }
})
