import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Rounds } from './rounds.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const begin = () => {
  const rounds: PromiseWithResolvers<void>[] = []
  const errors: unknown[] = []
  const run = () => {
    const round = Promise.withResolvers<void>()
    rounds.push(round)
    return round.promise
  }
  const all = new Rounds({ run, intervalMs: 1000, onError: (err) => errors.push(err) })
  return { all, rounds, errors, seconds: (count: number) => vi.advanceTimersByTimeAsync(1000 * count) }
}

test('a round begins at each interval, and none while one is under way', async () => {
  const { rounds, seconds } = begin()
  await seconds(3)
  expect(rounds).toHaveLength(1)

  rounds[0]?.resolve()
  await seconds(1)

  expect(rounds).toHaveLength(2)
})

test('a round that fails is told of, and the next one comes', async () => {
  const { rounds, errors, seconds } = begin()
  await seconds(1)

  rounds[0]?.reject(new Error('Redis is away'))
  await seconds(1)

  expect(errors).toEqual([new Error('Redis is away')])
  expect(rounds).toHaveLength(2)
})

test('closed, it begins none, and waits for the one that is under way', async () => {
  const { all, rounds, seconds } = begin()
  await seconds(1)
  let isOver = false

  const closed = all.close().then(() => (isOver = true))
  await seconds(5)
  expect([all.isClosed, isOver, rounds.length]).toEqual([true, false, 1])

  rounds[0]?.resolve()
  await closed
})
