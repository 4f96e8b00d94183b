import { expect, test } from 'vitest'
import { planBlows } from './plan-blows.ts'
import type { Blow } from './plan-blows.ts'

const count = (blows: readonly Blow[], kind: Blow['kind'], ...victims: Blow['victim'][]) =>
  blows.filter((blow) => blow.kind === kind && victims.includes(blow.victim)).length

test('20,000 predictions go through 200 kills of workers and executors, and 20 of each of the others', () => {
  const blows = planBlows({ seed: 1, predictions: 20_000 })

  expect(count(blows, 'kill', 'worker', 'executor')).toBeGreaterThanOrEqual(200)
  expect(count(blows, 'kill', 'redis')).toBeGreaterThanOrEqual(20)
  expect(count(blows, 'kill', 'api')).toBeGreaterThanOrEqual(20)
  expect(count(blows, 'kill', 'webhooks')).toBeGreaterThanOrEqual(20)
})

test('workers are frozen for longer than their lock lasts', () => {
  const frozen = planBlows({ seed: 1, predictions: 20_000 }).filter(
    ({ kind, victim }) => kind === 'freeze' && victim === 'worker',
  )

  expect(Math.min(...frozen.map(({ downMs }) => downMs))).toBeGreaterThan(15_000)
})

test('the same seed gives the same blows, and another one others', () => {
  const plan = planBlows({ seed: 7, predictions: 500 })

  expect(planBlows({ seed: 7, predictions: 500 })).toEqual(plan)
  expect(planBlows({ seed: 8, predictions: 500 })).not.toEqual(plan)
})

test('a short storm has at least one blow of each sort', () => {
  const blows = planBlows({ seed: 1, predictions: 10 })

  expect(new Set(blows.map(({ kind, victim }) => `${kind} ${victim}`)).size).toBe(9)
})
