import { setTimeout as wait } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { checkRedis, untilReady } from './until-usable.ts'
import { isRedisAway } from './redis-errors.ts'

/** What an app has once Redis can be used. */
export type OpenedLater = {
  /** Resolves when it is open, or is known to wait; rejects as `failed` does, where that is known by then. */
  settled: Promise<void>
  /** Rejects when it can't be opened at all: with a ConfigError for a Redis that can't hold a queue. Else never settles. */
  failed: Promise<never>
  isOpen(): boolean
  /** Closes what was opened, and waits no longer for what wasn't. */
  close(): Promise<void>
}

/** A Redis that is there answers sooner; one that hangs, or reads its data, is left to come when it comes. */
const patienceMs = 5000
const retryMs = 500

/**
 * Opens what stands on Redis as soon as Redis can be used, be that now or hours later, so that an app starts whatever
 * Redis does. `open` defers into the stack what closes it again; where Redis goes while it opens, it is opened anew.
 *
 *   waiting ──all connections ready, Redis can hold a queue──▶ opening ──▶ open
 *      ▲                                                          │
 *      └──────────────────────── Redis is gone ───────────────────┘
 */
export const openWhenUsable = ({
  connections,
  url,
  ending,
  open,
}: {
  connections: readonly [Redis, ...Redis[]]
  url: string
  /** the app is told to end while it starts */
  ending: AbortSignal
  open: (opened: AsyncDisposableStack) => Promise<void>
}): OpenedLater => {
  const closing = new AbortController()
  const signal = AbortSignal.any([closing.signal, ending])
  let result: AsyncDisposableStack | undefined

  const tryToOpen = async () => {
    await Promise.all(connections.map((connection) => untilReady(connection, signal)))
    await checkRedis(connections[0], url)
    await using opened = new AsyncDisposableStack()
    await open(opened)
    result = opened.move()
  }
  const openAtLast = async () => {
    while (result === undefined) {
      try {
        await tryToOpen()
      } catch (err) {
        if (signal.aborted || !mayPass(err)) throw err
        await wait(retryMs, undefined, { signal })
      }
    }
  }

  const opening = openAtLast()
  const failed = opening.then(never, async (err: unknown) => {
    if (signal.aborted) return never()
    throw err
  })
  failed.catch(() => undefined)
  const known = new AbortController()
  return {
    settled: Promise.race([opening, untilMissed(connections, known.signal)]).finally(() => known.abort()),
    failed,
    isOpen: () => result !== undefined,
    close: async () => {
      closing.abort()
      await opening.catch(() => undefined)
      await result?.disposeAsync()
    },
  }
}

const never = () => new Promise<never>(() => undefined)

/** What Redis itself refuses (it reads its data, it is a replica, the password was changed) is mended there. */
const mayPass = (err: unknown): err is Error => err instanceof Error && isRedisAway(err)

/** Resolves when a connection has failed, or they took too long. */
const untilMissed = (connections: readonly Redis[], signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, patienceMs)
    const onError = () => resolve()
    for (const connection of connections) connection.on('error', onError)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      for (const connection of connections) connection.off('error', onError)
      resolve()
    })
  })
