import { levelOf, modelKeys, modelOfPredictionId, readOutcomes, runPipeline } from '@onqueue/shared'
import type { Logger, Outcome, RedisStore } from '@onqueue/shared'
import type { Channels } from '../redis/channels.ts'

/**
 * Waits for predictions to end.
 *
 * Workers tell which predictions of a model ended in notices, one for many predictions. This process listens to the
 * notices of a model while somebody here waits for it, and reads the outcomes of those ids, and only those, at once.
 * Notices may be lost and outcomes are the truth, so everything that is waited for is also read when listening begins
 * and every second. What has neither outcome nor job then, twice in a row, may be gone: its waiters are woken to look. A waiter is registered before its prediction is enqueued: then no notice can come too early.
 */
export type OutcomeWaiters = {
  expect(id: string): ExpectedOutcome
  /** How many wait right now. */
  count(): number
  isClosed(): boolean
  /** Ends all waits, as if their time were over. */
  close(): void
}

export type ExpectedOutcome = {
  /**
   * The outcome, or null before it was there: when `waitMs` passed, `signal` aborted or the process is closing, and when the
   * prediction may be gone.
   */
  within(waitMs: number, signal?: AbortSignal): Promise<Outcome | null>
  /** Must be called when nobody waits any more. */
  release(): void
}

type Options = RedisStore & {
  channels: Channels
  log: Logger
  lingerMs?: number
  rereadMs?: number
}

const maxReadAtOnce = 500

export const createOutcomeWaiters = (options: Options): OutcomeWaiters => {
  const { redis, namespace, channels, log, lingerMs = 10_000, rereadMs = 1000 } = options
  const models = new Map<string, WaitingModel>()
  let isClosed = false

  const read = async (model: string, ids: string[]) => {
    if (ids.length === 0 || redis.status !== 'ready') return []
    try {
      const outcomes = await readOutcomes({ redis, namespace }, model, ids)
      for (const [index, id] of ids.entries()) {
        const outcome = outcomes[index]
        if (outcome) for (const waiter of models.get(model)?.waiters.get(id) ?? []) waiter.settle(outcome)
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
      if (entry.missing.has(id)) for (const waiter of entry.waiters.get(id) ?? []) waiter.wake()
    entry.missing = missing
  }

  const listenTo = (model: string): WaitingModel => {
    const waiters: WaitingModel['waiters'] = new Map()
    const stopListening = channels.subscribe(modelKeys(namespace, model).notices, {
      // read and readAll never reject
      onMessage: (ids) =>
        void read(
          model,
          ids.split(',').filter((id) => waiters.has(id)),
        ),
      onReady: () => void readAll(model),
    })
    const timer = setInterval(() => void readAgain(model), rereadMs).unref()
    const stop = () => {
      clearInterval(timer)
      clearTimeout(entry.linger)
      stopListening()
      models.delete(model)
    }
    const entry: WaitingModel = { waiters, missing: new Set(), stop, linger: undefined }
    models.set(model, entry)
    return entry
  }

  return {
    expect: (id) => {
      const model = modelOfPredictionId(id)
      if (model === undefined) throw new Error(`not a prediction id: ${id}`)
      if (isClosed) return { within: async () => null, release: () => undefined }
      const entry = models.get(model) ?? listenTo(model)
      clearTimeout(entry.linger)
      const waiter = new Waiter()
      const ofSameId = entry.waiters.get(id) ?? new Set()
      entry.waiters.set(id, ofSameId.add(waiter))

      return {
        within: (waitMs, signal) => waiter.within(waitMs, signal),
        release: () => {
          waiter.close()
          if (!ofSameId.delete(waiter) || ofSameId.size > 0) return
          entry.waiters.delete(id)
          if (entry.waiters.size === 0 && !isClosed) entry.linger = setTimeout(entry.stop, lingerMs).unref()
        },
      }
    },
    count: () => [...models.values()].reduce((sum, { waiters }) => sum + waiters.size, 0),
    isClosed: () => isClosed,
    close: () => {
      isClosed = true
      for (const { waiters, stop } of models.values()) {
        for (const waiter of [...waiters.values()].flatMap((set) => [...set])) waiter.close()
        stop()
      }
    },
  }
}

type WaitingModel = {
  waiters: Map<string, Set<Waiter>>
  /** had no job when last looked at: is about to be enqueued, or gone */
  missing: Set<string>
  stop: () => void
  /** runs while nobody waits: the channel is kept for a while, since the next waiter often comes soon */
  linger: NodeJS.Timeout | undefined
}

/** Those of the predictions that have no job. */
const findMissing = async ({ redis, namespace }: RedisStore, model: string, ids: string[]) => {
  if (ids.length === 0 || redis.status !== 'ready') return []
  const { queue } = modelKeys(namespace, model)
  // one hash field each: a job without data is none
  const pipeline = redis.pipeline()
  for (const id of ids) pipeline.hexists(queue(id), 'data')
  const replies = await runPipeline(pipeline)
  return ids.filter((_, index) => replies[index] === 0)
}

/** One caller's wait for one prediction. */
class Waiter {
  #outcome: Outcome | null = null
  #isClosed = false
  #wake: (() => void) | undefined

  settle(outcome: Outcome) {
    this.#outcome ??= outcome
    this.#wake?.()
  }

  /** Ends the wait that is under way, if there is one. */
  wake() {
    this.#wake?.()
  }

  close() {
    this.#isClosed = true
    this.#wake?.()
  }

  async within(waitMs: number, signal?: AbortSignal): Promise<Outcome | null> {
    if (this.#outcome !== null || this.#isClosed || waitMs <= 0 || signal?.aborted) return this.#outcome
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', wake)
        this.#wake = undefined
        resolve()
      }
      const timer = setTimeout(wake, waitMs)
      signal?.addEventListener('abort', wake)
      this.#wake = wake
    })
    return this.#outcome
  }
}
