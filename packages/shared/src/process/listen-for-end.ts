import type { EventEmitter } from 'node:events'

/** That a process is told to end, or whoever started it is gone. */
export type EndRequest = {
  /** Aborts with the first request; `requested` resolves then. */
  signal: AbortSignal
  requested: Promise<void>
  /** Resolves when whoever started it is gone, be that the first request or a later one. */
  abandoned: Promise<void>
  isAbandoned(): boolean
}

/** npm and a terminal may each deliver the same Ctrl-C; a second one this soon is taken for the first. */
const sameKeypressMs = 400

/**
 * A second Ctrl-C is from somebody in a hurry, and ends the process at once; who repeats another signal is not. (The same
 * as npm start does, scripts/start/stop-signals.ts.)
 */
export const listenForEnd = (
  source: EventEmitter,
  {
    now = () => performance.now(),
    exit = (code: number) => process.exit(code),
  }: { now?: () => number; exit?: (code: number) => unknown } = {},
): EndRequest => {
  const ending = new AbortController()
  const requested = Promise.withResolvers<void>()
  const abandoned = Promise.withResolvers<void>()
  let firstAt: number | undefined
  let isAbandoned = false

  const onRequest = (event: string) => {
    if (event === 'disconnect') {
      isAbandoned = true
      abandoned.resolve()
    }
    if (firstAt === undefined) {
      firstAt = now()
      ending.abort()
      requested.resolve()
    } else if (event === 'SIGINT' && now() - firstAt > sameKeypressMs) exit(130)
  }
  for (const event of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect']) source.on(event, () => onRequest(event))

  return {
    signal: ending.signal,
    requested: requested.promise,
    abandoned: abandoned.promise,
    isAbandoned: () => isAbandoned,
  }
}
