import type { ChildProcess } from 'node:child_process'
import { forkExecutor } from '../executor/fork-executor.ts'
import { fromExecutorSchema } from '../executor/protocol.ts'
import type { FromExecutor, Loaded, ToExecutor } from '../executor/protocol.ts'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { describeExit, ExecutorDied } from './executor-died.ts'

/** The version can't be served, for a reason that lies in its files: the sentence says which. */
export class VersionRefused extends Error {
  override readonly name = 'VersionRefused'
}

/** Large models take long to load; one that takes this long hangs. */
const loadLimitMs = 10 * 60_000

/**
 * Starts the process of an executor and has it load the model. Rejects with `VersionRefused` where the reason lies in
 * the files, and with anything else (mostly `ExecutorDied`) where another try may do better; the process is gone then.
 * Aborting the signal ends the process, while it loads and later.
 */
export const loadExecutor = async (options: {
  definition: ModelDefinition
  threads: number
  signal?: AbortSignal | undefined
}): Promise<{ child: ChildProcess; loaded: Loaded }> => {
  const { definition, threads, signal } = options
  const child = forkExecutor()
  const loading = Promise.withResolvers<Loaded>()
  const gone = Promise.withResolvers<void>()
  const kill = () => child.kill('SIGKILL')
  child.once('message', (message) => {
    const { data: answer } = fromExecutorSchema.safeParse(message)
    if (answer?.type === 'loaded') loading.resolve(answer)
    else loading.reject(whyNotLoaded(answer))
  })
  // where it could not be started there is no exit; a message that can't be sent any more is followed by one
  child.on('error', (err) => {
    loading.reject(new ExecutorDied('crashed', `could not be started (${err.message})`, { cause: err }))
    if (child.pid === undefined) gone.resolve()
  })
  child.once('exit', (code, endedBy) => {
    loading.reject(new ExecutorDied('crashed', describeExit(code, endedBy)))
    gone.resolve()
  })
  const loadTimer = setTimeout(() => {
    loading.reject(new ExecutorDied('timed_out', `was not done within ${loadLimitMs / 60_000} minutes`))
  }, loadLimitMs)
  // it has to go even when nobody waits for it any more
  signal?.addEventListener('abort', kill)
  void gone.promise.then(() => signal?.removeEventListener('abort', kill))
  // nobody waits for it where the message can't be sent
  loading.promise.catch(() => undefined)
  try {
    if (signal?.aborted) kill()
    else child.send({ type: 'load', definition, threads } satisfies ToExecutor)
    return { child, loaded: await loading.promise }
  } catch (err) {
    kill()
    await gone.promise
    throw err
  } finally {
    clearTimeout(loadTimer)
  }
}

const whyNotLoaded = (answer: FromExecutor | undefined) => {
  if (answer?.type === 'refused') return new VersionRefused(answer.reason)
  if (answer?.type !== 'load-failed')
    return new ExecutorDied('crashed', 'did not say whether it loaded the model')
  const { reason, stack } = answer
  // the log of the worker shows the stack of the cause, too: that is where in the executor a defect is
  const cause = new Error(reason)
  if (stack !== undefined) cause.stack = stack
  return new ExecutorDied('crashed', `failed (${reason})`, { cause })
}
