import { expect, test } from 'vitest'
import { sweepOldest } from './sweep-oldest.ts'
import type { Sweeper } from './sweep.ts'

/** Finished predictions by model, as the times at which they finished; at most two leave at once. */
const sweeperOf = (finishedAt: Record<string, number[]>): Sweeper => ({
  oldestFinishedAt: async (model) => finishedAt[model]?.[0] ?? null,
  sweep: async (model, before) => {
    const times = finishedAt[model] ?? []
    return times.splice(0, Math.min(2, times.filter((at) => at < before).length)).length
  },
})
const never = async () => false

test('the oldest go first, over all models', async () => {
  const finishedAt = { iris: [30, 31, 50, 51], minilm: [10, 11, 40, 41], idle: [] }
  let checks = 0

  const removed = await sweepOldest({
    sweeper: sweeperOf(finishedAt),
    models: ['idle', 'iris', 'minilm'],
    before: 100,
    isEnough: async () => ++checks > 3,
  })

  expect(removed).toBe(6)
  expect(finishedAt).toEqual({ iris: [50, 51], minilm: [], idle: [] })
})

test('none that finished after the cutoff is removed, however short memory is', async () => {
  const finishedAt = { iris: [10, 20, 30], minilm: [25] }

  const removed = await sweepOldest({
    sweeper: sweeperOf(finishedAt),
    models: ['iris', 'minilm'],
    before: 25,
    isEnough: never,
  })

  expect(removed).toBe(2)
  expect(finishedAt).toEqual({ iris: [30], minilm: [25] })
})

test('nothing is removed while there is enough memory', async () => {
  const finishedAt = { iris: [10] }

  const removed = await sweepOldest({
    sweeper: sweeperOf(finishedAt),
    models: ['iris'],
    before: 100,
    isEnough: async () => true,
  })

  expect(removed).toBe(0)
  expect(finishedAt).toEqual({ iris: [10] })
})

test('the sweep ends when the oldest can not be removed', async () => {
  const stuck: Sweeper = { oldestFinishedAt: async () => 10, sweep: async () => 0 }

  const removed = await sweepOldest({ sweeper: stuck, models: ['iris'], before: 100, isEnough: never })

  expect(removed).toBe(0)
})

test('without models there is nothing to remove', async () => {
  expect(await sweepOldest({ sweeper: sweeperOf({}), models: [], before: 100, isEnough: never })).toBe(0)
})
