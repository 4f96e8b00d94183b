import { setTimeout as sleep } from 'node:timers/promises'
import { modelKeys, readOutcomes } from '@onqueue/shared'
import type { EmbeddedRedis } from './embedded-redis.ts'
import { isSameAnswer } from '../models/known-answers.ts'
import type { KnownAnswer } from '../models/known-answers.ts'
import { namespace } from './start-onqueue.ts'

/** What became of predictions that have ended. */
export type Finished = {
  /** those whose outcome is not the right one, and a few of them */
  failures: number
  examples: string[]
  /** rows of the micro-batch that each was run in */
  batchSizes: number[]
}

const pollMs = 20
const patienceMs = 180_000
const readAtOnce = 500

/** Counts the finished predictions of a model, by one small command: they are BullMQ's completed jobs. */
export const countFinished = (redis: EmbeddedRedis, model: string) =>
  redis.client.zcard(modelKeys(namespace, model).queue('completed'))

/**
 * Waits until the model has so many finished predictions. Resolves to when the last one's job was completed, in ms since
 * the epoch.
 *
 * Waiting must cost next to nothing, for it is part of the measured time: a count every 20 ms. When the last one
 * finished is then read from the queue itself, which keeps completed jobs in the order of their completion.
 */
export const untilFinished = async (
  redis: EmbeddedRedis,
  { model, total }: { model: string; total: number },
) => {
  const until = performance.now() + patienceMs
  while ((await countFinished(redis, model)) < total) {
    if (performance.now() > until) {
      throw new Error(`${model} did not finish what it had accepted within ${patienceMs / 1000} s`)
    }
    await sleep(pollMs)
  }
  const completed = modelKeys(namespace, model).queue('completed')
  const [, finishedAt] = await redis.client.zrange(completed, '-1', '-1', 'WITHSCORES')
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
    accepted: readonly { id: string; body: number }[]
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
  return { failures: failures.length, examples: failures.slice(0, 3), batchSizes }
}
