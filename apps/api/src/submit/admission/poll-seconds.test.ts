import type { PredictionRecord, Priority, QueuePlace } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { modelEntry, modelsOf } from '../../models/model-entry.fixture.ts'
import { predictionRecord } from '../../predictions/prediction-record.fixture.ts'
import { createPollSeconds } from './poll-seconds.ts'

/** The seconds for a prediction where the whole backlog takes `backlog`; `place` is asked for at most once. */
const pollSeconds = (
  backlog: number | null,
  { priority = 'normal', place }: { priority?: Priority; place?: () => Promise<QueuePlace | undefined> } = {},
) => {
  const record = predictionRecord({ job: { priority } })
  const poll = createPollSeconds({
    models: modelsOf([modelEntry(record.job.model)]),
    backlogSeconds: async () => backlog,
    placeOf: (asked: PredictionRecord) => {
      expect(asked).toBe(record)
      if (!place) throw new Error('nobody has to ask Redis')
      return place()
    },
  })
  return poll(record)
}
const at = (etaSeconds: number | null) => async () => ({ position: 1, etaSeconds })

test.each([
  [0.005, 1],
  [1, 1],
  [1.01, 2],
  [4.9, 5],
])('a backlog of %d s is looked at again after %d s', async (backlog, seconds) => {
  expect(await pollSeconds(backlog)).toBe(seconds)
})

test('nobody is told to stay away for longer than a minute', async () => {
  expect(await pollSeconds(3600, { priority: 'low' })).toBe(60)
})

test('while nothing drains it is looked at soon, since a worker may be starting', async () => {
  expect(await pollSeconds(null)).toBe(2)
})

test('who is before most of a long backlog is not told to wait for all of it', async () => {
  expect(await pollSeconds(50, { priority: 'high', place: at(3) })).toBe(3)
  expect(await pollSeconds(50, { place: at(49.5) })).toBe(50)
})

test('one that left the line meanwhile, or a Redis that is away, is no error', async () => {
  expect(await pollSeconds(7, { place: async () => undefined })).toBe(7)
  expect(await pollSeconds(7, { place: () => Promise.reject(new Error('away')) })).toBe(7)
})
