import type { Sweeper } from './sweep.ts'

/**
 * Removes what finished before `before`, oldest first over all models, until `isEnough` or nothing is left.
 *
 * For when memory is short, from a watermark of Redis' maxmemory. New predictions are refused by the API only above a
 * higher one, so that what was accepted can finish.
 */
export const sweepOldest = async ({
  sweeper,
  models,
  before,
  isEnough,
}: {
  sweeper: Sweeper
  models: string[]
  before: number
  isEnough: () => Promise<boolean>
}) => {
  let removed = 0
  while (!(await isEnough())) {
    const oldest = await findOldest(sweeper, models)
    if (!oldest || oldest.at >= before) break
    // a batch of one model may reach past the next model's oldest by a few; both are older than the cutoff
    const count = await sweeper.sweep(oldest.model, before)
    if (count === 0) break
    removed += count
  }
  return removed
}

const findOldest = async (sweeper: Sweeper, models: string[]) => {
  const ages = await Promise.all(
    models.map(async (model) => ({ model, at: (await sweeper.oldestFinishedAt(model)) ?? Infinity })),
  )
  const [oldest] = ages.toSorted((a, b) => a.at - b.at)
  return oldest && oldest.at !== Infinity ? oldest : undefined
}
