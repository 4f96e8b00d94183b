import { expect, test } from 'vitest'
import { TimesBySize } from './times-by-size.ts'

const took = (ms: number) => ({ runMs: ms, computeMs: ms })

test('a size that was tried once takes as long as it did then', () => {
  const times = new TimesBySize()
  times.add(1, took(16))
  times.add(16, took(92))

  expect(times.expect(16)).toMatchObject({ runMs: 92, computeMs: 92 })
})

test('a size between two that were tried lies on the line between them', () => {
  const times = new TimesBySize()
  times.add(1, took(10))
  times.add(17, took(90))

  expect(times.expect(9).computeMs).toBe(50)
})

test('more rows than were tried take as much for each, and so do fewer', () => {
  const times = new TimesBySize()
  times.add(8, took(80))

  expect(times.expect(12).computeMs).toBe(120)
  expect(times.expect(2).computeMs).toBe(20)
})

test('later runs count more: of a model that got slower a tenth of what was is left after eight', () => {
  const times = new TimesBySize()
  times.add(4, took(10))
  for (let run = 0; run < 8; run++) times.add(4, took(110))

  expect(times.expect(4).computeMs).toBeCloseTo(100, 0)
})

test('a run of another size leaves what is known of this one', () => {
  const times = new TimesBySize()
  times.add(1, took(10))
  for (let run = 0; run < 20; run++) times.add(4, took(110))

  expect(times.expect(1).computeMs).toBe(10)
})

test('what a run took by the clock and what it computed are kept apart', () => {
  const times = new TimesBySize()
  times.add(4, { runMs: 300, computeMs: 100 })

  expect(times.expect(4)).toMatchObject({ runMs: 300, computeMs: 100 })
})

test('runs that take alike have little deviation after a few, and one that does not has more', () => {
  const times = new TimesBySize()
  times.add(4, took(100))
  const once = times.expect(4).deviationMs
  for (let run = 0; run < 3; run++) times.add(4, took(100))
  const alike = times.expect(4).deviationMs
  times.add(4, took(500))
  times.add(4, took(200))

  expect(once).toBe(50)
  expect(alike).toBeLessThan(25)
  expect(times.expect(4).deviationMs).toBeGreaterThan(80)
})

test('nothing is known to be steady of a size that was not tried', () => {
  const times = new TimesBySize()
  times.add(1, took(10))

  expect(times.expect(4).deviationMs).toBe(Infinity)
})

test('what is forgotten above a size is expected to take as much for each row as that', () => {
  const times = new TimesBySize()
  times.add(2, took(14))
  times.add(16, took(700))

  times.forgetAbove(2)

  expect(times.expect(16).computeMs).toBe(112)
})
