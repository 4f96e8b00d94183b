import { expect, test } from 'vitest'
import { Pace } from './pace.ts'

/** Whether a promise has resolved by now. */
const isOver = (promise: Promise<unknown>) =>
  Promise.race([promise.then(() => true), new Promise((resolve) => setImmediate(() => resolve(false)))])

test('predictions wait for their blow, and the next blow for them', async () => {
  const pace = new Pace({ predictions: 4, blows: 2 })
  const predictions = [0, 1, 2, 3].map((ordinal) => pace.untilPrediction(ordinal))
  expect(await Promise.all(predictions.map(isOver))).toEqual([false, false, false, false])

  await pace.untilBlow(0)
  expect(await Promise.all(predictions.map(isOver))).toEqual([true, true, false, false])

  await pace.untilBlow(1)
  expect(await Promise.all(predictions.map(isOver))).toEqual([true, true, true, true])
})

test('a blow waits until the predictions of the one before it were sent', async () => {
  const pace = new Pace({ predictions: 4, blows: 2 })
  await pace.untilBlow(0)
  const second = pace.untilBlow(1)
  expect(await isOver(second)).toBe(false)

  await Promise.all([pace.untilPrediction(0), pace.untilPrediction(1)])

  expect(await isOver(second)).toBe(true)
})

test('with more blows than predictions nobody waits for ever', async () => {
  const pace = new Pace({ predictions: 2, blows: 5 })

  const sending = Promise.all([pace.untilPrediction(0), pace.untilPrediction(1)])
  for (let index = 0; index < 5; index += 1) await pace.untilBlow(index)
  await sending
})
