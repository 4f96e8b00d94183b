import { expect, test } from 'vitest'
import { Throughput } from './throughput.ts'

/** Takes a prediction of one row at each of the times and ends it `ms` later, one after the other. */
const runAlone = (throughput: Throughput, times: number[], ms: number) => {
  for (const takenAt of times) {
    throughput.taken(takenAt)
    throughput.left(takenAt + ms, { takenAt, rows: 1 })
  }
}

/** `count` predictions are taken at once and end one after the other, `ms` apart. */
const runTogether = (
  throughput: Throughput,
  takenAt: number,
  { count, ms }: { count: number; ms: number },
) => {
  for (let index = 0; index < count; index += 1) throughput.taken(takenAt)
  for (let index = 1; index <= count; index += 1) throughput.left(takenAt + index * ms, { takenAt, rows: 1 })
}

const everySecond = (count: number) => Array.from({ length: count }, (_, index) => index * 1000)

test('before any work nothing is known', () => {
  expect(new Throughput().measure(2000)).toEqual({ rowsPerSecond: 0, serviceMs: null })
})

test('a prediction of 5 ms a second is a worker of 200 rows a second, not of one', () => {
  const throughput = new Throughput()

  runAlone(throughput, everySecond(60), 5)

  expect(throughput.measure(60_000)).toEqual({ rowsPerSecond: 200, serviceMs: 5 })
})

test('a backlog gives what is finished while it lasts', () => {
  const throughput = new Throughput()

  runTogether(throughput, 0, { count: 2000, ms: 1 })

  expect(throughput.measure(60_000).rowsPerSecond).toBeCloseTo(1000)
})

test('the rows of an array count each', () => {
  const throughput = new Throughput()

  throughput.taken(0)
  throughput.left(100, { takenAt: 0, rows: 50 })

  expect(throughput.measure(100)).toEqual({ rowsPerSecond: 500, serviceMs: 100 })
})

test('predictions at the same time make one working time, and each its own service time', () => {
  const throughput = new Throughput()

  throughput.taken(0)
  throughput.taken(0)
  throughput.left(1000, { takenAt: 0, rows: 1 })
  throughput.left(1000, { takenAt: 0, rows: 1 })

  expect(throughput.measure(9000)).toEqual({ rowsPerSecond: 2, serviceMs: 1000 })
})

test('a worker that gets slower is seen within seconds of work', () => {
  const throughput = new Throughput()
  runTogether(throughput, 0, { count: 5000, ms: 1 })

  runTogether(throughput, 10_000, { count: 1000, ms: 10 })

  const { rowsPerSecond } = throughput.measure(20_000)
  expect(rowsPerSecond).toBeGreaterThan(100)
  expect(rowsPerSecond).toBeLessThan(250)
})

test('a slow prediction under way does not make its worker look slow', () => {
  const throughput = new Throughput()
  runAlone(throughput, [0], 3000)

  throughput.taken(10_000)

  expect(throughput.measure(12_900).rowsPerSecond).toBe(0.33)
})

test('a worker that hangs in its work loses its rate', () => {
  const throughput = new Throughput()
  runAlone(throughput, everySecond(10), 10)

  throughput.taken(10_000)

  expect(throughput.measure(70_000).rowsPerSecond).toBeLessThan(1)
})

test('what is put back was not finished', () => {
  const throughput = new Throughput()
  runAlone(throughput, [0], 10)

  throughput.taken(1000)
  throughput.left(1100, { takenAt: 1000, rows: 0 })

  expect(throughput.measure(2000)).toEqual({ rowsPerSecond: 100, serviceMs: 10 })
})

test('what was expected is gone by until the first prediction has ended', () => {
  const throughput = new Throughput()
  throughput.expect({ rowsPerSecond: 50_000, serviceMs: 2 })
  expect(throughput.measure(0)).toEqual({ rowsPerSecond: 50_000, serviceMs: 2 })

  runAlone(throughput, [1000], 50)

  expect(throughput.measure(3000)).toEqual({ rowsPerSecond: 20, serviceMs: 50 })
})

test('a version that is added later does not undo what was measured', () => {
  const throughput = new Throughput()
  runAlone(throughput, everySecond(3), 10)

  throughput.expect({ rowsPerSecond: 50_000, serviceMs: 2 })

  expect(throughput.measure(3000).rowsPerSecond).toBe(100)
})

test('rows that end at the moment they were taken are no division by zero', () => {
  const throughput = new Throughput()

  throughput.taken(0)
  throughput.left(0, { takenAt: 0, rows: 7 })

  expect(throughput.measure(0).rowsPerSecond).toBe(7000)
})
