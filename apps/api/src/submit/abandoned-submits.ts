import { endedOutcome, modelKeys } from '@onqueue/shared'
import type { Logger, OutcomeWriter, RedisStore } from '@onqueue/shared'

/** A submit whose caller was told that nobody knows whether it was accepted. `sentAt` in ms. */
type AbandonedSubmit = { id: string; model: string; owner: string; rows: number; sentAt: number }

/**
 * Submits without an idempotency key that were given up on: canceled when Redis is back.
 *
 * Each is looked at once, when Redis answers and enough time has passed that the guard script would take it as late if
 * it ran only then. A submit whose guard ran is in its owner's listing; where its job is there too it is canceled, and
 * where the connection was lost between the two the listing is undone. The others never reached Redis.
 */
export type AbandonedSubmits = { add(submit: AbandonedSubmit): void; close(): Promise<void> }

type Options = RedisStore & {
  outcomes: OutcomeWriter
  log: Logger
  maxRemembered?: number
}

const intervalMs = 500
const settledAfterMs = 1500

export const createAbandonedSubmits = (options: Options): AbandonedSubmits => {
  const { redis, namespace, outcomes, log, maxRemembered = 10_000 } = options
  const remembered = new Set<AbandonedSubmit>()
  let running: Promise<void> | undefined

  const settle = async ({ id, model, owner, rows }: AbandonedSubmit) => {
    const keys = modelKeys(namespace, model)
    if ((await redis.zscore(keys.index(owner), id)) === null) return
    if ((await redis.exists(keys.queue(id))) === 1) {
      const detail = 'the queue did not answer when it was submitted, and its caller was told so'
      await outcomes.write(id, endedOutcome('canceled', { code: 'canceled', detail, now: Date.now() }), {
        arrayLength: rows,
      })
      return
    }
    await redis.zrem(keys.index(owner), id)
    await redis.zrem(keys.deadlines, id)
    if (rows > 1) await redis.decrby(keys.extraRows, rows - 1)
  }
  const settleAll = async () => {
    const due = [...remembered].filter(({ sentAt }) => Date.now() - sentAt > settledAfterMs)
    for (const submit of due) {
      try {
        await settle(submit)
        remembered.delete(submit)
      } catch (err) {
        log.debug({ err }, 'abandoned submits wait for redis')
        return
      }
    }
  }
  const timer = setInterval(() => {
    if (remembered.size === 0 || redis.status !== 'ready') return
    // settleAll never rejects
    running ??= settleAll().finally(() => (running = undefined))
  }, intervalMs).unref()

  return {
    add: (submit) => {
      const [oldest] = remembered
      if (oldest && remembered.size >= maxRemembered) remembered.delete(oldest)
      remembered.add(submit)
    },
    close: async () => {
      clearInterval(timer)
      await running
      if (remembered.size > 0)
        log.warn({ submits: remembered.size }, 'closed before abandoned submits could be canceled')
    },
  }
}
