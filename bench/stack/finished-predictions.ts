import { modelKeys, readOutcomes, runPipeline } from '@onqueue/shared'
import { toFailures } from '../figures/failures.ts'
import type { Failures } from '../figures/failures.ts'
import type { LoadReport } from '../load/load.ts'
import { isSameAnswer } from '../models/known-answer.ts'
import type { KnownAnswer } from '../models/known-answer.ts'
import type { EmbeddedRedis } from './embedded-redis.ts'
import { pollUntil } from './poll-until.ts'
import { namespace } from './start-onqueue.ts'

/** What became of predictions that have ended. A failure is one whose outcome is not the right one. */
export type Finished = Failures & {
  /** rows of the micro-batch that each was run in */
  batchSizes: number[]
}

const pollMs = 20
const patienceMs = 180_000
const readAtOnce = 500

/**
 * Waits until nothing of the model waits or runs any more. Resolves to when the last job was completed, in ms since the epoch.
 *
 * Waiting must cost next to nothing, for it is part of the measured time: four counts every 20 ms. When the last one finished is
 * then read from the queue itself, which keeps completed jobs in the order of their completion.
 */
export const untilFinished = async (redis: EmbeddedRedis, model: string) => {
  const { queue } = modelKeys(namespace, model)
  await pollUntil(
    async () => {
      const counts = await runPipeline(
        redis.client
          .multi()
          .llen(queue('wait'))
          .llen(queue('active'))
          .zcard(queue('prioritized'))
          .zcard(queue('delayed')),
      )
      return counts.every((count) => count === 0)
    },
    { everyMs: pollMs, patienceMs, otherwise: `${model} did not finish what it had accepted` },
  )
  const [, finishedAt] = await redis.client.zrange(queue('completed'), '-1', '-1', 'WITHSCORES')
  return Number(finishedAt)
}

/** Looks at every outcome. */
export const checkOutcomes = async (
  redis: EmbeddedRedis,
  {
    model,
    accepted,
    answers,
  }: {
    model: string
    accepted: LoadReport['accepted']
    answers: readonly KnownAnswer[]
  },
): Promise<Finished> => {
  const failures: string[] = []
  const batchSizes: number[] = []
  for (let start = 0; start < accepted.length; start += readAtOnce) {
    const part = accepted.slice(start, start + readAtOnce)
    const ids = part.map(({ id }) => id)
    const outcomes = await readOutcomes({ redis: redis.client, namespace }, model, ids)
    for (const [index, { id, body }] of part.entries()) {
      const outcome = outcomes[index]
      const isRight = outcome?.status === 'succeeded' && isSameAnswer(outcome.output, answers[body]?.output)
      if (!isRight) failures.push(`${id}: ${JSON.stringify(outcome ?? null).slice(0, 300)}`)
      if (outcome) batchSizes.push(outcome.batchSize ?? 0)
    }
  }
  return { ...toFailures(failures), batchSizes }
}
