import { beat, heartbeatIntervalMs, publishCard, stopBeating } from '@onqueue/shared'
import type { Heartbeat, Logger, RedisStore, VersionCard } from '@onqueue/shared'

/** What a worker tells of a model: the card of each version, and heartbeats that say which versions it has. */
export type PublishedCards = {
  /** Publishes the card of a version, which replaces the one before it. From here on heartbeats tell of the version. */
  announce(card: VersionCard): Promise<void>
  /** Heartbeats don't tell of the version any more, from now on. Its card stays, for predictions that wait for a worker. */
  withdraw(digest: string): void
  /** Sends a heartbeat, beside those at their interval. */
  beat(): Promise<void>
  /** No more heartbeats: what is announced still comes to its end. */
  stop(): void
  /** Takes the worker off the model. */
  leave(): Promise<void>
}

type Health = { isHealthy: boolean; memoryBytes: number }

type Options = RedisStore & {
  model: string
  workerId: string
  log: Logger
  /** how a version is that was announced as ready */
  healthOf: (digest: string) => Health | undefined
  /** rows finished a second, up to now */
  measureThroughput: (now: number) => number
}

export const publishCards = (options: Options): PublishedCards => {
  const { redis, namespace, model, workerId, log, healthOf, measureThroughput } = options
  const store = { redis, namespace }
  const cards = new Map<string, VersionCard>()
  const stopped = new AbortController()

  const sendBeat = async () => {
    if (stopped.signal.aborted) return
    const now = Date.now()
    const versions = [...cards.values()].map((card) => toState(card, healthOf(card.digest)))
    await beat(store, model, { workerId, at: now, rowsPerSecond: measureThroughput(now), versions })
  }

  /** A Redis that comes back may have lost what it was told. */
  const announceAgain = () => {
    Promise.all([...cards.values()].map((card) => publishCard(store, card)))
      .then(sendBeat)
      .catch((err: unknown) => log.warn({ err, model }, 'cards could not be published again'))
  }

  const tryToBeat = () => {
    sendBeat().catch((err: unknown) => log.warn({ err, model }, 'heartbeat failed'))
  }

  const beating = setInterval(tryToBeat, heartbeatIntervalMs)
  redis.on('ready', announceAgain)

  return {
    announce: async (card) => {
      cards.set(card.digest, card)
      await publishCard(store, card)
    },
    withdraw: (digest) => {
      if (cards.delete(digest)) tryToBeat()
    },
    beat: sendBeat,
    stop: () => {
      stopped.abort()
      clearInterval(beating)
      redis.off('ready', announceAgain)
    },
    leave: () => stopBeating(store, model, workerId),
  }
}

const toState = (
  { version, digest, status, reason }: VersionCard,
  health: Health | undefined,
): Heartbeat['versions'][number] => {
  if (status !== 'ready' || !health) return { version, digest, status, reason, memoryBytes: 0 }
  const { isHealthy, memoryBytes } = health
  return isHealthy
    ? { version, digest, status, reason, memoryBytes }
    : {
        version,
        digest,
        status: 'unhealthy',
        reason: 'too many rows crashed its executors in the last minute',
        memoryBytes,
      }
}
