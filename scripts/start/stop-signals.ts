import type { EventEmitter } from 'node:events'

/** npm and a terminal may each deliver the same Ctrl-C; a second one this soon is taken for the first. */
const sameKeypressMs = 400

/**
 * The first request to end aborts `stop`. A Ctrl-C after it aborts `kill`; other requests are in no hurry.
 * `disconnect`: whoever started us is gone.
 */
export const listenForStop = (
  source: EventEmitter,
  { now = () => performance.now() }: { now?: () => number } = {},
): { stop: AbortSignal; kill: AbortSignal } => {
  const stop = new AbortController()
  const kill = new AbortController()
  let firstAt: number | undefined
  const onRequest = (event: string) => {
    if (firstAt === undefined) {
      firstAt = now()
      stop.abort()
    } else if (event === 'SIGINT' && now() - firstAt > sameKeypressMs) {
      kill.abort()
    }
  }
  for (const event of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect']) source.on(event, () => onRequest(event))
  return { stop: stop.signal, kill: kill.signal }
}
