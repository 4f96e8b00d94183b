import { assert, double, integer, property } from 'fast-check'
import { expect, test } from 'vitest'
import { planInFlight, planInstances } from './plan-in-flight.ts'

const timingOf = (rowMs: number, batchRows = 32) => ({
  oneRowMs: rowMs,
  batchRows,
  batchMs: rowMs * batchRows,
})

test('rows of 1 ms: as many together as the model allows, 200 ms in flight', () => {
  const plan = planInFlight({ timing: timingOf(1), maxRows: 64, instances: 1 })

  expect(plan).toEqual({ microBatchRows: 64, maxInFlightRows: 200 })
})

test('rows of 10 ms: no micro-batch takes more than 100 ms', () => {
  const plan = planInFlight({ timing: timingOf(10), maxRows: 64, instances: 1 })

  expect(plan).toEqual({ microBatchRows: 10, maxInFlightRows: 20 })
})

test('rows that take longer than that run one by one, with the next one in flight', () => {
  const plan = planInFlight({ timing: timingOf(3000, 1), maxRows: 64, instances: 1 })

  expect(plan).toEqual({ microBatchRows: 1, maxInFlightRows: 2 })
})

test('a worker with more executors holds more', () => {
  const plan = planInFlight({ timing: timingOf(10), maxRows: 64, instances: 4 })

  expect(plan).toEqual({ microBatchRows: 10, maxInFlightRows: 80 })
})

test('a model that takes next to no time leaves rows for other workers', () => {
  const plan = planInFlight({ timing: timingOf(0.0001), maxRows: 64, instances: 1 })

  expect(plan).toEqual({ microBatchRows: 64, maxInFlightRows: 512 })
})

test('a time too short to measure is no trouble', () => {
  const plan = planInFlight({ timing: { oneRowMs: 0, batchRows: 0, batchMs: 0 }, maxRows: 8, instances: 1 })

  expect(plan).toEqual({ microBatchRows: 8, maxInFlightRows: 512 })
})

test('what is in flight always keeps two micro-batches for each executor', () => {
  const anyRowMs = double({ min: 0, max: 60_000, noNaN: true })
  assert(
    property(
      anyRowMs,
      integer({ min: 1, max: 512 }),
      integer({ min: 1, max: 64 }),
      (rowMs, maxRows, instances) => {
        const { microBatchRows, maxInFlightRows } = planInFlight({
          timing: timingOf(rowMs),
          maxRows,
          instances,
        })

        expect(microBatchRows).toBeGreaterThanOrEqual(1)
        expect(microBatchRows).toBeLessThanOrEqual(maxRows)
        expect(maxInFlightRows).toBeGreaterThanOrEqual(2 * instances * microBatchRows)
      },
    ),
  )
})

test('one executor feeds a model whose rows cost next to nothing', () => {
  expect(planInstances({ timing: timingOf(0.9), cores: 8 })).toBe(1)
})

test('a model that computes gets an executor for each core', () => {
  expect(planInstances({ timing: timingOf(1), cores: 8 })).toBe(8)
})
