import { expect, test } from 'vitest'
import { RunTimes } from './run-times.ts'

test('a run of a model whose runs take alike goes on for the rest of that time', () => {
  const times = new RunTimes([5000])
  times.add(5200)

  expect(times.remainingMs(1000)).toBe(4100)
})

test('one that has gone on for longer than most is compared to the few that did, too', () => {
  const times = new RunTimes([1, 1, 2])
  times.add(20_000)
  times.add(3)

  expect(times.remainingMs(250)).toBe(19_750)
})

test('nothing is known of one that goes on for longer than any did', () => {
  const times = new RunTimes([1, 2])

  expect(times.remainingMs(2)).toBe(undefined)
})

test('what was long ago is forgotten', () => {
  const times = new RunTimes([9000])
  for (let run = 0; run < 64; run++) times.add(10)

  expect(times.remainingMs(100)).toBe(undefined)
})
