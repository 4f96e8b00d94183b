import { jobLogSuffix, modelKeys, undeliveredMember } from '@onqueue/shared'
import type { DatedStore } from '@onqueue/shared'
import { removeFinished } from './remove-finished.ts'
import { maxAtOnce } from './upkeep.ts'

export type Sweeper = {
  /** Removes up to 200 of the model's predictions that finished before `before` (ms), oldest first. Resolves to how many. */
  sweep(model: string, before: number): Promise<number>
  /** When the model's oldest finished prediction finished, in ms; null when there is none. */
  oldestFinishedAt(model: string): Promise<number | null>
}

export const createSweeper = ({ redis, namespace, clock }: DatedStore): Sweeper => {
  const remove = removeFinished.on(redis)
  return {
    sweep: async (model, before) => {
      const keys = modelKeys(namespace, model)
      const { undelivered, deadlines } = keys
      const [completed, failed] = [keys.queue('completed'), keys.queue('failed')]
      const [inCompleted, inFailed] = await Promise.all(
        [completed, failed].map((key) =>
          redis.zrangebyscore(key, '-inf', `(${before}`, 'LIMIT', 0, maxAtOnce),
        ),
      )
      const ids = [...(inCompleted ?? []), ...(inFailed ?? [])].slice(0, maxAtOnce)
      if (ids.length === 0) return 0
      return await remove.run({
        keys: { completed, failed, undelivered, deadlines },
        args: {
          now: clock(),
          jobOf: keys.queue(''),
          outcomeOf: keys.outcome(''),
          inputOf: keys.input(''),
          packOf: keys.pack(''),
          indexOf: keys.index(''),
          startSuffix: undeliveredMember.start(''),
          heldSuffix: undeliveredMember.held(''),
          logSuffix: jobLogSuffix,
        },
        moreArgs: ids,
      })
    },
    oldestFinishedAt: async (model) => {
      const completed = modelKeys(namespace, model).queue('completed')
      const [oldest] = await redis.zrange(completed, '0', '0')
      const score = oldest === undefined ? null : await redis.zscore(completed, oldest)
      return score === null ? null : Number(score)
    },
  }
}
