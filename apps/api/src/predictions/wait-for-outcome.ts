import { randomBytes } from 'node:crypto'
import {
  areKept,
  globalKeys,
  levelOf,
  modelKeys,
  modelOfPredictionId,
  parseOutcome,
  readOutcomes,
  readReply,
} from '@onqueue/shared'
import type { Logger, Outcome, RedisStore } from '@onqueue/shared'
import type { Channels } from '../redis/channels.ts'
import { Waiter } from './waiter.ts'
import type { ExpectedOutcome, OutcomeListener } from './waiter.ts'

/**
 * Waits for predictions to end.
 *
 * How those ended that were submitted here is told in *replies*, on a channel of this process that their jobs name. Of those
 * that were submitted elsewhere, and where a worker of the release before sends no replies, *notices* say which ended: this
 * process listens to those of a model while it waits for such a prediction, and reads the outcomes of those ids, and only
 * those, at once.
 *
 * Either may be lost and outcomes are the truth, so everything that is waited for is also read when listening begins and
 * every second. What has neither outcome nor job then, twice in a row, may be gone: its waiters are woken to look. A waiter is
 * registered before its prediction is enqueued: then no reply can come too early.
 */
export type OutcomeWaiters = {
  /** for `replyTo` of the jobs of what is submitted here and waited for */
  readonly replyTo: string
  /** Waits for a prediction whose job has this process in `replyTo`. */
  expectReply(id: string): ExpectedOutcome
  /** Waits for any other one. */
  expect(id: string): ExpectedOutcome
  /** Tells the listener, which may listen to many, how any other one ends; until the returned function is called. */
  listen(id: string, listener: OutcomeListener): () => void
  /** How many wait right now, each for one prediction or for many. */
  count(): number
  isClosed(): boolean
  /** Ends all waits, as if their time were over. */
  close(): void
}

type Options = RedisStore & {
  channels: Channels
  /** whether all workers of a model send replies */
  areRepliesSent: (model: string) => boolean
  log: Logger
  lingerMs?: number
  rereadMs?: number
}

const maxReadAtOnce = 500

export const createOutcomeWaiters = (options: Options): OutcomeWaiters => {
  const { redis, namespace, channels, areRepliesSent, log, lingerMs = 10_000, rereadMs = 1000 } = options
  const models = new Map<string, WaitingModel>()
  const replyTo = randomBytes(9).toString('base64url')
  let isClosed = false

  const settle = (model: string, id: string, outcome: Outcome) => {
    for (const waiter of models.get(model)?.waiters.get(id) ?? []) waiter.settle(id, outcome)
  }
  /** Resolves to those that are not final, and never rejects. */
  const read = async (model: string, ids: string[]) => {
    if (ids.length === 0 || redis.status !== 'ready') return []
    try {
      const outcomes = await readOutcomes({ redis, namespace }, model, ids)
      for (const [index, id] of ids.entries()) {
        const outcome = outcomes[index]
        if (outcome) settle(model, id, outcome)
      }
      return ids.filter((_, index) => !outcomes[index])
    } catch (err) {
      log[levelOf(err)]({ model, err }, 'outcomes could not be read')
      return []
    }
  }
  /** Resolves to those that are not final. */
  const readAll = async (model: string) => {
    const ids = [...(models.get(model)?.waiters.keys() ?? [])]
    const pending: string[] = []
    for (let from = 0; from < ids.length; from += maxReadAtOnce)
      pending.push(...(await read(model, ids.slice(from, from + maxReadAtOnce))))
    return pending
  }
  const readAgain = async (model: string) => {
    const pending = await readAll(model)
    const entry = models.get(model)
    if (!entry) return
    const missing = new Set(await findMissing({ redis, namespace }, model, pending).catch(() => []))
    for (const id of missing)
      if (entry.missing.has(id)) for (const waiter of entry.waiters.get(id) ?? []) waiter.wake(id)
    entry.missing = missing
  }

  const onReply = (message: string) => {
    for (const { id, text } of readReply(message)) {
      const model = modelOfPredictionId(id) ?? ''
      if (!models.get(model)?.waiters.has(id)) continue
      const outcome = text === null ? null : parseReplied(text)
      if (outcome) settle(model, id, outcome)
      else void read(model, [id])
    }
  }
  const stopReplies = channels.subscribe(globalKeys(namespace).replies(replyTo), { onMessage: onReply })

  const waitFor = (model: string): WaitingModel => {
    const waiters: WaitingModel['waiters'] = new Map()
    const timer = setInterval(() => void readAgain(model), rereadMs).unref()
    const stop = () => {
      clearInterval(timer)
      clearTimeout(entry.linger)
      entry.stopListening?.()
      models.delete(model)
    }
    const entry: WaitingModel = {
      waiters,
      missing: new Set(),
      stop,
      stopListening: undefined,
      linger: undefined,
    }
    models.set(model, entry)
    return entry
  }
  const listenTo = (model: string, { waiters }: WaitingModel) =>
    channels.subscribe(modelKeys(namespace, model).notices, {
      onMessage: (ids) =>
        void read(
          model,
          ids.split(',').filter((id) => waiters.has(id)),
        ),
      onReady: () => void readAll(model),
    })

  const listen = (id: string, listener: OutcomeListener, { hasReply }: { hasReply: boolean }) => {
    const model = modelOfPredictionId(id)
    if (model === undefined) throw new Error(`not a prediction id: ${id}`)
    if (isClosed) {
      listener.close()
      return () => undefined
    }
    const entry = models.get(model) ?? waitFor(model)
    clearTimeout(entry.linger)
    const ofSameId = entry.waiters.get(id) ?? new Set()
    entry.waiters.set(id, ofSameId.add(listener))
    if (!hasReply || !areRepliesSent(model)) entry.stopListening ??= listenTo(model, entry)

    return () => {
      if (!ofSameId.delete(listener) || ofSameId.size > 0) return
      entry.waiters.delete(id)
      if (entry.waiters.size === 0 && !isClosed) entry.linger = setTimeout(entry.stop, lingerMs).unref()
    }
  }
  const expect = (id: string, told: { hasReply: boolean }): ExpectedOutcome => {
    const waiter = new Waiter()
    const leave = listen(id, waiter, told)
    return {
      within: (waitMs, signal) => waiter.within(waitMs, signal),
      release: () => {
        waiter.close()
        leave()
      },
    }
  }

  return {
    replyTo,
    expectReply: (id) => expect(id, { hasReply: true }),
    expect: (id) => expect(id, { hasReply: false }),
    listen: (id, listener) => listen(id, listener, { hasReply: false }),
    count: () => allWaiting(models).size,
    isClosed: () => isClosed,
    close: () => {
      isClosed = true
      stopReplies()
      for (const listener of allWaiting(models)) listener.close()
      for (const { stop } of models.values()) stop()
    },
  }
}

type WaitingModel = {
  waiters: Map<string, Set<OutcomeListener>>
  /** had no job when last looked at: is about to be enqueued, or gone */
  missing: Set<string>
  stop: () => void
  /** set while this process listens to the notices of the model */
  stopListening: (() => void) | undefined
  /** runs while nobody waits: the channel is kept for a while, since the next waiter often comes soon */
  linger: NodeJS.Timeout | undefined
}

const allWaiting = (models: ReadonlyMap<string, WaitingModel>) =>
  new Set(
    [...models.values()].flatMap(({ waiters }) => [...waiters.values()].flatMap((ofSameId) => [...ofSameId])),
  )

/** Null for one that this release can't read: the reader says why. */
const parseReplied = (text: string) => {
  try {
    return parseOutcome(text)
  } catch {
    return null
  }
}

/** Those of the predictions that are not there. */
const findMissing = async ({ redis, namespace }: RedisStore, model: string, ids: string[]) => {
  if (ids.length === 0 || redis.status !== 'ready') return []
  const there = await areKept({ redis, namespace }, model, ids)
  return ids.filter((_, index) => !there[index])
}
