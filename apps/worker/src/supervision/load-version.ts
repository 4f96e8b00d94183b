import type { LoadAnswer, Loaded } from '../executor/protocol.ts'
import { ExecutorDied } from './executor-died.ts'
import type { ExecutorHost, Load } from './executor-host.ts'

/** The version can't be served, for a reason that lies in its files: the sentence says which. */
export class VersionRefused extends Error {
  override readonly name = 'VersionRefused'
}

/**
 * Loads a version in a place of an executor. Rejects with `VersionRefused` where the reason lies in the files, and with
 * anything else (mostly `ExecutorDied`) where another try may do better.
 */
export const loadVersion = async (host: ExecutorHost, place: number, load: Load): Promise<Loaded> => {
  const answer = await host.load(place, load)
  if (answer?.type === 'loaded') return answer
  throw whyNotLoaded(answer)
}

/** What an executor is given up with that says anything but that it loaded the version. */
export const whyNotLoaded = (answer: Exclude<LoadAnswer, Loaded> | undefined) => {
  if (!answer) return new ExecutorDied('crashed', 'did not say whether it loaded the model')
  if (answer.type === 'refused') return new VersionRefused(answer.reason)
  const { reason, stack } = answer
  // the log of the worker shows the stack of the cause, too: that is where in the executor a defect is
  const cause = new Error(reason)
  if (stack !== undefined) cause.stack = stack
  return new ExecutorDied('crashed', `failed (${reason})`, { cause })
}
