import type { ChildProcess } from 'node:child_process'
import { Socket } from 'node:net'
import { FrameReader } from './frames.ts'
import { runChannelFd } from './run-channel-fd.ts'
import { encodeRun, readAnswer } from './run-messages.ts'
import type { RunAnswer, RunRequest } from './run-messages.ts'

/** The worker's end of the pipe on which an executor is sent runs. */
export type RunChannel = { send(run: RunRequest): void }

/** `onAnswer` is called with every answer, or undefined for something that is none. */
export const openRunChannel = (
  child: ChildProcess,
  onAnswer: (answer: RunAnswer | undefined) => void,
): RunChannel => {
  const pipe = child.stdio[runChannelFd]
  if (!(pipe instanceof Socket)) throw new Error('an executor was started without a pipe for its runs')
  const reader = new FrameReader((content) => onAnswer(readOrUndefined(content)))
  pipe.on('data', (piece) => reader.push(piece))
  // it breaks when the executor ends, which its exit tells
  pipe.on('error', () => undefined)
  return { send: (run) => void (pipe.writable && pipe.write(encodeRun(run))) }
}

const readOrUndefined = (content: Buffer) => {
  try {
    return readAnswer(content)
  } catch {
    return undefined
  }
}
