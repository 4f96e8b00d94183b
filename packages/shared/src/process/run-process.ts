import { setTimeout as wait } from 'node:timers/promises'
import { ConfigError } from './environment.ts'
import { listenForEnd } from './listen-for-end.ts'
import type { EndRequest } from './listen-for-end.ts'

/** An app that was started, perhaps without all that it needs. */
export type RunningApp = {
  url: string
  /** how long what is under way may take to finish when it is told to end, in ms */
  graceMs: number
  /** Whether anything is under way that should finish. */
  isBusy(): boolean
  /** Rejects when it turns out that it can't run after all; else never settles. */
  failed: Promise<never>
  /** Ends in order: what is under way may take `graceMs`. */
  close(graceMs: number): Promise<unknown>
}

/** Once nothing is under way, or the grace time is over: for giving back what is left, which takes a Redis that answers. */
const goodbyeMs = 3000
/** Instead of the grace time, when whoever started the process is gone: the next start wants its ports. */
const abandonedGraceMs = 2000

/**
 * Runs an app as a process: starts it, and closes it when the process is told to end or whoever started it is gone. It
 * ends then, whatever the app waits for: `goodbyeMs` after it has nothing under way, or after its grace time.
 *
 * With an IPC channel it says `{ type: 'ready', url }` there, or `{ type: 'fatal', message }` for a ConfigError: that it
 * can't run as it is configured, so that starting it again would be of no use. Without a channel the sentence of a
 * ConfigError goes to stderr. Whatever else is thrown is a defect: it ends the process with its stack.
 *
 * `start` is told by its signal that it needn't wait any longer.
 */
export const runProcess = async (name: string, start: (ending: AbortSignal) => Promise<RunningApp>) => {
  // before anything is open: the first process of a container gets no signal that nobody listens for
  const end = listenForEnd(process)
  try {
    const running = await Promise.race([start(end.signal), cutStartShort(end)])
    if (running === undefined) process.exit(0)
    if (!end.signal.aborted) tell({ type: 'ready', url: running.url })
    await Promise.race([end.requested, running.failed])
    await closeInTime(running, end)
    process.exit(0)
  } catch (err) {
    if (end.signal.aborted && err === end.signal.reason) process.exit(0)
    if (!(err instanceof ConfigError)) throw err
    await refuse(`${name}: ${err.message}`)
    process.exit(1)
  }
}

/** An app that is told to end while it starts may come up, to close what it has opened. */
const cutStartShort = async (end: EndRequest): Promise<undefined> => {
  await end.requested
  await wait(goodbyeMs)
}

const closeInTime = async (running: RunningApp, end: EndRequest) => {
  const graceMs = end.isAbandoned() ? Math.min(running.graceMs, abandonedGraceMs) : running.graceMs
  await Promise.race([
    running.close(graceMs),
    untilDone(running, graceMs).then(() => wait(goodbyeMs)),
    end.abandoned.then(() => wait(abandonedGraceMs + goodbyeMs)),
  ])
}

const untilDone = async (running: RunningApp, graceMs: number) => {
  const until = performance.now() + graceMs
  while (running.isBusy() && performance.now() < until) await wait(50)
}

const tell = (message: { type: 'ready'; url: string }) => {
  if (process.connected) process.send?.(message)
}

/** Resolves when the sentence has left the process. */
const refuse = (message: string) =>
  new Promise<unknown>((resolve) => {
    if (process.send && process.connected) process.send({ type: 'fatal', message }, resolve)
    else process.stderr.write(`${message}\n`, resolve)
  })
