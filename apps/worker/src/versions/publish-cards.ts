import {
  beat,
  heartbeatIntervalMs,
  isRedisAway,
  levelOf,
  publishCard,
  removeCard,
  stopBeating,
} from '@onqueue/shared'
import type { DatedStore, Heartbeat, Logger, VersionCard } from '@onqueue/shared'
import type { Pace } from '../queue/throughput.ts'
import type { ModelEvents } from './model-events.ts'

/** What a worker tells of a model: the card of each version, and heartbeats that say which versions it has. */
export type PublishedCards = {
  /**
   * Publishes the card of a version, which replaces the one before it. From here on heartbeats tell of the version, and
   * bring its card back where Redis did not take it, or has lost it.
   */
  announce(card: VersionCard): Promise<void>
  /** Heartbeats don't tell of the version any more, from now on. Its card stays, for predictions that wait for a worker. */
  withdraw(digest: string): void
  /** Withdraws what stood for a version that was read meanwhile, with its card. Never rejects. */
  remove(digest: string): Promise<void>
  /** Sends a heartbeat, beside those at their interval. */
  beat(): Promise<void>
  /** No more heartbeats: what is announced still comes to its end. */
  stop(): void
  /** Takes the worker off the model. */
  leave(): Promise<void>
}

type Health = {
  isHealthy: boolean
  memoryBytes: number
  rowLimit: { rows: number; reason: string }
  rowMs: number
}

type Options = DatedStore & {
  model: string
  workerId: string
  log: Logger
  /** id of the storage from which it reads files of batches, once it was opened */
  storage?: () => string | undefined
  /** how a version is that was announced as ready */
  healthOf: (digest: string) => Health | undefined
  /** how fast the model's rows are finished, up to now */
  measurePace: () => Pace
  events: Pick<ModelEvents, 'lossFound'>
}

export const publishCards = (options: Options): PublishedCards => {
  const { redis, namespace, clock, model, workerId, log, healthOf, measurePace, events, storage } = options
  const store = { redis, namespace }
  const cards = new Map<string, VersionCard>()
  /** announced, but Redis did not take it: the next heartbeat tries again */
  const unpublished = new Set<string>()
  const stopped = new AbortController()

  let publishing: Promise<void> = Promise.resolve()

  /** One after the other, each as the card is by then: an older state of it must not come after a newer one. */
  const publish = (digest: string) => {
    unpublished.add(digest)
    publishing = publishing.catch(() => undefined).then(() => publishNow(digest))
    return publishing
  }
  const publishNow = async (digest: string) => {
    const card = cards.get(digest)
    // withdrawn meanwhile, or published by who asked before
    if (!card || !unpublished.has(digest)) return
    const generation = await publishCard(store, card)
    // announced in another state meanwhile: that one is published next
    if (cards.get(digest) !== card) return
    cards.set(digest, { ...card, generation })
    unpublished.delete(digest)
  }

  const sendBeat = async () => {
    if (stopped.signal.aborted) return
    const published = [...cards.values()]
    const versions = published.map((card) => toState(card, healthOf(card.digest)))
    const { rowsPerSecond, serviceMs } = measurePace()
    const pace = { rowsPerSecond, ...(serviceMs === null ? {} : { serviceMs }) }
    const reads = { sendsReplies: true, readsPacks: true, storage: storage?.() }
    const heartbeat = { workerId, at: clock(), ...pace, ...reads, versions }
    const lost = await beat(store, model, { heartbeat, published })
    const owed = published.filter((card) => lost.includes(card) || unpublished.has(card.digest))
    for (const { digest } of owed) await publish(digest)
    const gone = lost.filter(({ digest, generation }) => generation > 0 && cards.has(digest))
    for (const { version } of gone) {
      log.warn({ model, version }, 'redis had lost a card: brought back')
      events.lossFound('card')
    }
  }

  const tryToBeat = () => {
    sendBeat().catch((err: unknown) => log[levelOf(err)]({ err, model }, 'heartbeat failed'))
  }

  // those of all models at the same moment, which is one way to Redis
  let beating = setTimeout(
    () => {
      tryToBeat()
      beating = setInterval(tryToBeat, heartbeatIntervalMs)
    },
    heartbeatIntervalMs - (performance.now() % heartbeatIntervalMs),
  )
  // a Redis that comes back may have lost what it was told
  redis.on('ready', tryToBeat)

  return {
    announce: async (card) => {
      const { generation = 0 } = cards.get(card.digest) ?? {}
      cards.set(card.digest, { ...card, generation })
      await publish(card.digest).catch((err: unknown) => {
        if (!isRedisAway(err)) throw err
      })
    },
    withdraw: (digest) => {
      if (cards.delete(digest)) tryToBeat()
    },
    remove: async (digest) => {
      if (!cards.delete(digest)) return
      // behind what is being published of it
      publishing = publishing.catch(() => undefined).then(() => removeCard(store, { model, digest }))
      await publishing.catch((err: unknown) => log[levelOf(err)]({ err, model }, 'card could not be removed'))
      tryToBeat()
    },
    beat: () =>
      sendBeat().catch((err: unknown) => {
        if (!isRedisAway(err)) throw err
      }),
    stop: () => {
      stopped.abort()
      clearInterval(beating)
      redis.off('ready', tryToBeat)
    },
    leave: () => stopBeating(store, model, workerId),
  }
}

const toState = (
  { version, digest, status, reason, keepsFailing }: VersionCard,
  health: Health | undefined,
): Heartbeat['versions'][number] => {
  if (status !== 'ready' || !health)
    return { version, digest, status, reason, memoryBytes: 0, ...(keepsFailing && { keepsFailing }) }
  const { isHealthy, ...held } = health
  return isHealthy
    ? { version, digest, status, reason, ...held }
    : {
        version,
        digest,
        status: 'unhealthy',
        reason: 'too many rows crashed its executors in the last minute',
        ...held,
      }
}
