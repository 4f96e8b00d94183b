import { expect, test } from 'vitest'
import { planBatchBlows, stages } from './plan-batch-blows.ts'

const whole = planBatchBlows({ seed: 1, rows: 1_000_000 })
const all = stages.flatMap((stage) => whole[stage])

test('a million rows go through 40 kills of processes and two of Redis', () => {
  const kills = all.filter(({ kind }) => kind === 'kill')

  expect(kills.filter(({ victim }) => victim !== 'redis').length).toBeGreaterThanOrEqual(40)
  expect(kills.filter(({ victim }) => victim === 'redis')).toHaveLength(2)
})

test('a worker is frozen for longer than its lock lasts', () => {
  const frozen = all.filter(({ kind }) => kind === 'freeze')

  expect(frozen.map(({ victim }) => victim)).toContain('scoring worker')
  expect(Math.min(...frozen.map(({ downMs }) => downMs))).toBeGreaterThan(15_000)
})

test('blows are in order, and in each tenth of the output', () => {
  for (const stage of stages) {
    const shares = whole[stage].map(({ share }) => share)
    expect(shares).toEqual(shares.toSorted((a, b) => a - b))
  }
  const tenths = new Set(whole.parts.map(({ share }) => Math.floor(share * 10)))
  expect(tenths.size).toBe(10)
})

test('the same seed gives the same blows, and another one others', () => {
  expect(planBatchBlows({ seed: 1, rows: 1_000_000 })).toEqual(whole)
  expect(planBatchBlows({ seed: 2, rows: 1_000_000 })).not.toEqual(whole)
})

test('a short batch has one blow of each sort', () => {
  const blows = planBatchBlows({ seed: 1, rows: 10 })
  const sorts = stages.flatMap((stage) =>
    blows[stage].map(({ kind, victim }) => `${stage}: ${kind} ${victim}`),
  )

  expect(new Set(sorts).size).toBe(sorts.length)
  expect(sorts).toHaveLength(11)
})
