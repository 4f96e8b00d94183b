import { expect, test } from 'vitest'
import { Throughput } from './throughput.ts'

const busy = true
const idle = false
/** A throughput that was 100 rows a second in its first second. */
const afterAHundred = () => {
  const throughput = new Throughput(0)
  throughput.add(100)
  throughput.measure(1000, busy)
  return throughput
}

test('before any work nothing is known', () => {
  expect(new Throughput(0).measure(2000, idle)).toBe(0)
})

test('the first rows give the rate', () => {
  const throughput = new Throughput(0)

  throughput.add(30)
  throughput.add(20)

  expect(throughput.measure(2000, busy)).toBe(25)
})

test('the rate is kept while there is no work', () => {
  const throughput = afterAHundred()

  expect(throughput.measure(3000, idle)).toBe(100)
  expect(throughput.measure(60_000, idle)).toBe(100)
})

test('a busy worker that gets slower is seen within seconds', () => {
  const throughput = afterAHundred()

  throughput.add(50)

  expect(throughput.measure(2000, busy)).toBe(90)
  throughput.add(50)
  expect(throughput.measure(3000, busy)).toBe(82)
})

test('a worker that had little to do could have done more', () => {
  const throughput = afterAHundred()

  throughput.add(1)

  expect(throughput.measure(2000, idle)).toBe(100)
})

test('more than ever is believed, whether it was busy or not', () => {
  const throughput = afterAHundred()

  throughput.add(200)

  expect(throughput.measure(2000, idle)).toBe(120)
})

test('a worker that hangs in its work loses its rate', () => {
  const throughput = afterAHundred()

  expect(throughput.measure(6000, busy)).toBe(0)
})

test('two looks at the same moment are no division by zero', () => {
  const throughput = afterAHundred()

  expect(throughput.measure(1000, busy)).toBe(100)
})
