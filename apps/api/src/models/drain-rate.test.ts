import { expect, test } from 'vitest'
import { drainRate, secondsUntilDone } from './drain-rate.ts'

const workers = (...paces: { rowsPerSecond: number; serviceMs?: number }[]) => ({
  heartbeats: paces.map((pace, index) => ({ workerId: String(index), at: 0, versions: [], ...pace })),
})

test('workers drain together', () => {
  expect(drainRate(workers({ rowsPerSecond: 100 }, { rowsPerSecond: 150 }))).toBe(250)
})

test('what is before it takes as long as all workers together need', () => {
  expect(secondsUntilDone(1000, workers({ rowsPerSecond: 100 }, { rowsPerSecond: 150 }))).toBe(4)
})

test('with nothing before it a prediction takes as long as one takes, also where many run at once', () => {
  expect(secondsUntilDone(1, workers({ rowsPerSecond: 4, serviceMs: 3000 }))).toBe(3)
  expect(secondsUntilDone(100, workers({ rowsPerSecond: 4, serviceMs: 3000 }))).toBe(25)
})

test('a prediction of milliseconds takes milliseconds on a server that did little', () => {
  expect(secondsUntilDone(1, workers({ rowsPerSecond: 200, serviceMs: 5 }))).toBe(0.005)
})

test('without workers, or before they know their pace, nothing is known', () => {
  expect(secondsUntilDone(10, workers())).toBe(null)
  expect(secondsUntilDone(10, workers({ rowsPerSecond: 0 }))).toBe(null)
})

test('a worker of another release does not tell how long a prediction takes', () => {
  expect(secondsUntilDone(10, workers({ rowsPerSecond: 5 }))).toBe(2)
})
