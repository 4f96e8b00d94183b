import { expect, test } from 'vitest'
import { Gauge } from './gauge.ts'

/** A gauge over what `answers` resolve to one after the other, on a clock that stands still until it is set. */
const openGauge = (...answers: (number | Error | Promise<number>)[]) => {
  const time = { now: 0 }
  const failures: unknown[] = []
  let reads = 0
  const gauge = new Gauge({
    read: async () => {
      const answer = answers[reads++]
      if (answer instanceof Error) throw answer
      return answer ?? 0
    },
    maxAgeMs: 250,
    onFailed: (err) => failures.push(err),
    clock: () => time.now,
  })
  return { gauge, time, failures, reads: () => reads }
}

test('the first reading is waited for', async () => {
  const { gauge } = openGauge(7)

  await gauge.freshen()

  expect(gauge.value).toBe(7)
})

test('a reading is good for its time, with what was added since', async () => {
  const { gauge, time, reads } = openGauge(7)
  await gauge.freshen()

  gauge.add(3)
  time.now = 250
  await gauge.freshen()

  expect(gauge.value).toBe(10)
  expect(reads()).toBe(1)
})

test('an old reading is replaced in the background, once for all who ask', async () => {
  const next = Promise.withResolvers<number>()
  const { gauge, time, reads } = openGauge(7, next.promise)
  await gauge.freshen()

  time.now = 251
  await Promise.all([gauge.freshen(), gauge.freshen()])
  const meanwhile = gauge.value
  next.resolve(9)
  await expect.poll(() => gauge.value).toBe(9)

  expect(meanwhile).toBe(7)
  expect(reads()).toBe(2)
})

test('what is added while it is read stays counted until the next reading', async () => {
  const next = Promise.withResolvers<number>()
  const { gauge, time } = openGauge(0, next.promise, 5)
  await gauge.freshen()
  gauge.add(2)
  time.now = 251
  await gauge.freshen()

  gauge.add(3)
  next.resolve(2)
  await expect.poll(() => gauge.value).toBe(5)

  time.now = 3000
  await gauge.freshen()
  expect(gauge.value).toBe(5)
})

test('after a pause the next reading is waited for', async () => {
  const { gauge, time } = openGauge(7, 9)
  await gauge.freshen()

  time.now = 2001
  await gauge.freshen()

  expect(gauge.value).toBe(9)
})

test('a reading that fails leaves the last one standing, and is told', async () => {
  const failure = new Error('no answer')
  const { gauge, time, failures, reads } = openGauge(7, failure)
  await gauge.freshen()

  time.now = 3000
  await gauge.freshen()
  await gauge.freshen()

  expect(gauge.value).toBe(7)
  expect(failures).toEqual([failure])
  expect(reads()).toBe(2)
})
