import { areFinal } from '@onqueue/shared'
import type { DatedStore, Logger, OutcomeWriter } from '@onqueue/shared'
import { consumePredictions } from '../queue/consume-predictions.ts'
import type { Consumer } from '../queue/consume-predictions.ts'
import { Throughput } from '../queue/throughput.ts'
import type { ModelDefinition } from '../repository/model-definition.ts'
import type { RefusedModel, UnreadModel } from '../repository/read-model-repository.ts'
import type { ModelVersion } from '../serving/model-version.ts'
import type { StartExecutor } from '../supervision/executor.ts'
import type { ModelEvents } from './model-events.ts'
import { publishCards } from './publish-cards.ts'
import type { PublishedCards } from './publish-cards.ts'
import { cardOf, refusedCard, unreadCard } from './version-card.ts'
import type { FailedRead } from './read-at-last.ts'
import { VersionEntries } from './version-entries.ts'
import type { OpenOptions, VersionEntry } from './version-entry.ts'

type Options = DatedStore & {
  workerId: string
  model: string
  cores: number
  /** how many models the worker has, and the id of its storage, once that was opened */
  models?: () => number
  storage?: () => string | undefined
  /** see `ModelVersion.open` and `ExecutorSupervisor` */
  idleMs?: number
  startExecutor?: StartExecutor
  /** how long a prediction waits for a worker that has its version */
  versionPatienceMs: number
  outcomes: OutcomeWriter
  events: ModelEvents
  log: Logger
}

/**
 * Serves one model with its versions, which may come and go.
 *
 *   add ──▶ loading ──loaded──▶ ready ──drain──▶ draining ──nothing in flight──▶ gone
 *            │ ▲  ▲               │
 *            │ │  └──all executors lost
 *            │ └──its executor died
 *            └──its files say no──▶ refused
 *
 * A version takes predictions while it is ready. Those for one that is not are put off, as they are for a version that
 * this worker never had: another worker may have it, or this one soon. While none is ready all stay in the queue, and a
 * version is announced as ready only when predictions are taken off it: who sees it ready finds a worker.
 */
export class ModelServer {
  readonly model: string
  readonly #options: Options
  readonly #entries = new VersionEntries()
  readonly #cards: PublishedCards
  readonly #throughput = new Throughput()
  readonly #adding = new Set<Promise<void>>()
  #consumer: Consumer | undefined
  #closed = false

  constructor(options: Options) {
    this.model = options.model
    this.#options = options
    this.#cards = publishCards({
      ...options,
      healthOf: (digest) => this.#entries.healthOf(digest),
      measurePace: () => this.#throughput.measure(performance.now()),
    })
  }

  /** Announces what can't even be read. The next heartbeat tells of it. */
  async refuse(refused: RefusedModel) {
    const card = refusedCard(refused)
    const { model, version, reason } = card
    this.#entries.enterUnreadable(card)
    this.#options.log.error({ model, version, reason }, 'model refused')
    await this.#cards.announce(card)
  }

  /** Announces what the machine can't read for now, and after each further try why it still can't. */
  async announceUnread(unread: FailedRead) {
    const card = unreadCard(unread)
    this.#entries.enterUnreadable(card)
    if (!this.#closed) await this.#cards.announce(card)
  }

  /** It was read: what it is has been added, or refused. */
  async withdrawUnread(unread: UnreadModel) {
    const card = unreadCard(unread)
    this.#entries.leaveUnreadable(card)
    if (!this.#closed) await this.#cards.remove(card.digest)
  }

  /**
   * Adds versions. Resolves when each is ready or refused, or its executor died and it is tried again from now on; none
   * is ready before that, so that predictions for one of them are not put off. Rejects when one is here already, or can't
   * be announced.
   */
  async add(...definitions: ModelDefinition[]) {
    if (this.#closed) return
    const adding = this.#add(definitions)
    this.#adding.add(adding)
    await adding.finally(() => this.#adding.delete(adding))
  }

  /**
   * Has a version take no more predictions, and ends it when those that it has have finished. Resolves when its executors
   * are gone. One that is not ready has nothing to finish.
   */
  async drain(digest: string) {
    const entry = this.#withdraw(digest)
    await entry?.drain()
    if (entry) await this.#entries.end(entry)
  }

  /** Ends a version at once. What it has in flight goes back to the queue. Resolves when its executors are gone. */
  async remove(digest: string) {
    const entry = this.#withdraw(digest)
    if (entry) await this.#entries.end(entry)
  }

  #withdraw(digest: string) {
    this.#cards.withdraw(digest)
    return this.#entries.get(digest)
  }

  countInFlight() {
    return this.#consumer?.countInFlight() ?? 0
  }

  executorPids() {
    return this.#entries.executorPids()
  }

  rowLimits() {
    return this.#entries.rowLimits()
  }

  /** Those that take predictions, or will, or can't, in ascending order. */
  versions() {
    return this.#entries.list()
  }

  /** The definition of a version that is ready. */
  definitionOf(digest: string) {
    return this.#entries.asConsumed().get(digest)?.definition
  }

  /** Lets what was taken finish for `graceMs`, and returns the rest to the queue. */
  async close(graceMs: number) {
    this.#closed = true
    this.#cards.stop()
    for (const entry of this.#entries.all()) entry.stopLoading()
    await Promise.allSettled(this.#adding)
    await this.#cards.leave()
    await this.#consumer?.close(graceMs)
    await Promise.all(this.#entries.all().map((entry) => this.#entries.end(entry)))
  }

  async #add(definitions: ModelDefinition[]) {
    const entries = this.#entries.enter(definitions, this.#options.log)
    await this.#tell(entries)
    await Promise.all(entries.map((entry) => this.#load(entry)))
    if (this.#closed) return
    for (const entry of entries) entry.becomeReady()
    await this.#tell(entries)
  }

  async #load(entry: VersionEntry) {
    if (entry.state !== 'loading') return
    await entry.load(this.#openOptions(entry), () => this.#changed(entry))
  }

  /** A version that loaded late, or lost its executors, or has another reason for neither. */
  #changed(entry: VersionEntry) {
    if (this.#closed) return
    const { log } = this.#options
    // what could not be told is told with the next heartbeat, or when Redis is back
    this.#tell([entry]).catch((err: unknown) =>
      log.warn({ err, model: this.model }, 'card could not be told'),
    )
  }

  /** Takes predictions while a version is ready, and tells how these are: in this order, see above. */
  async #tell(entries: VersionEntry[]) {
    const [ready] = this.#entries.versionsThatAre('ready')
    if (ready) this.#consumer ??= this.#consume(ready)
    this.#consumer?.take(ready !== undefined)
    for (const entry of entries) {
      const card = cardOf(entry)
      if (card) await this.#cards.announce(card)
    }
    await this.#cards.beat()
  }

  #openOptions(entry: VersionEntry): OpenOptions {
    const { redis, namespace, model, cores, idleMs, startExecutor, events } = this.#options
    return {
      cores,
      ...(idleMs && { idleMs }),
      ...(startExecutor && { startExecutor }),
      areFinal: (ids) => areFinal({ redis, namespace }, model, ids),
      isExpectingRows: () => this.#consumer?.isExpectingRows() ?? false,
      events: {
        microBatchRan: (rows, runMs) => events.microBatchRan(model, rows, runMs),
        executorDied: (how) => events.executorDied(model, how),
        downChanged: () => this.#changed(entry),
        batchingDecided: () => this.#changed(entry),
      },
    }
  }

  #consume({ expectedPace }: ModelVersion) {
    const { model, events } = this.#options
    this.#throughput.expect(expectedPace)
    return consumePredictions({
      ...this.#options,
      versions: this.#entries.asConsumed(),
      throughput: this.#throughput,
      onEnded: (prediction, outcome) => events.predictionEnded(model, outcome, prediction),
    })
  }
}
