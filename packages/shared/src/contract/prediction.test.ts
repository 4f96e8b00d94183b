import { expect, test } from 'vitest'
import { endedOutcome } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import { predictionSchema, toPrediction } from './prediction.ts'
import type { PredictionRecord } from './prediction.ts'

const noon = Date.parse('2026-01-01T12:00:00Z')
const urls = { get: 'g', cancel: 'c', events: 'e', deliveries: 'd' }
const options = { urls, retentionMs: 60_000 }
const id = 'iris-01HF7YAT00ABCDEFGHJKMNPQRS'

const waiting: PredictionRecord = {
  id,
  job: {
    model: 'iris',
    version: '1',
    digest: 'd1',
    owner: 'billing',
    requestId: 'r1',
    inputBytes: 20,
    arrayLength: null,
    priority: 'normal',
    metadata: { order: '7' },
    deadline: noon + 30_000,
    createdAt: noon,
  },
  input: { features: [5.1, 3.5, 1.4, 0.2] },
  takenAt: null,
  outcome: null,
}
const succeeded: Outcome = {
  status: 'succeeded',
  output: { prediction: 'setosa' },
  error: null,
  startedAt: noon + 250,
  completedAt: noon + 400,
  predictMs: 1.25,
  batchSize: 3,
  attempts: 1,
}

test('a prediction that waits is queued', () => {
  const prediction = toPrediction(waiting, options)

  expect(prediction).toEqual({
    object: 'prediction',
    id,
    model: 'iris',
    version: '1',
    status: 'queued',
    input: { features: [5.1, 3.5, 1.4, 0.2] },
    output: null,
    error: null,
    metadata: { order: '7' },
    priority: 'normal',
    deadline: '2026-01-01T12:00:30.000Z',
    metrics: { queue_time: null, predict_time: null, total_time: null, batch_size: null, attempts: 0 },
    webhook: null,
    created_at: '2026-01-01T12:00:00.000Z',
    started_at: null,
    completed_at: null,
    expires_at: null,
    urls,
  })
})

test('a prediction that a worker has taken is processing', () => {
  const prediction = toPrediction({ ...waiting, takenAt: noon + 250 }, options)

  expect(prediction).toMatchObject({
    status: 'processing',
    output: null,
    started_at: '2026-01-01T12:00:00.250Z',
    completed_at: null,
    expires_at: null,
    metrics: { queue_time: 0.25, total_time: null, attempts: 1 },
  })
})

test('a prediction that succeeded has its output, its times and the end of its life', () => {
  const prediction = toPrediction({ ...waiting, takenAt: noon + 250, outcome: succeeded }, options)

  expect(prediction).toMatchObject({
    status: 'succeeded',
    output: { prediction: 'setosa' },
    error: null,
    started_at: '2026-01-01T12:00:00.250Z',
    completed_at: '2026-01-01T12:00:00.400Z',
    expires_at: '2026-01-01T12:01:00.400Z',
    metrics: { queue_time: 0.25, predict_time: 0.00125, total_time: 0.4, batch_size: 3, attempts: 1 },
  })
})

test('a prediction with rows that failed keeps the output of the others', () => {
  const outcome: Outcome = {
    ...succeeded,
    status: 'failed',
    output: [{ prediction: 'setosa' }, null],
    error: {
      code: 'rows_failed',
      detail: '1 of 2 rows failed',
      rows: [{ row: 1, code: 'invalid_input', detail: 'too short' }],
    },
  }

  const prediction = toPrediction({ ...waiting, outcome }, options)

  expect(prediction.status).toBe('failed')
  expect(prediction.output).toEqual([{ prediction: 'setosa' }, null])
  expect(prediction.error?.rows).toEqual([{ row: 1, code: 'invalid_input', detail: 'too short' }])
})

test('a prediction that was canceled while it waited never started', () => {
  const canceled = endedOutcome('canceled', { code: 'canceled', detail: 'canceled', now: noon + 500 })

  const prediction = toPrediction({ ...waiting, outcome: canceled }, options)

  expect(prediction).toMatchObject({
    status: 'canceled',
    output: null,
    error: { code: 'canceled', detail: 'canceled' },
    started_at: null,
    completed_at: '2026-01-01T12:00:00.500Z',
    metrics: { queue_time: null, predict_time: null, total_time: 0.5, batch_size: null, attempts: 0 },
  })
})

test('the outcome counts, not that a worker took the prediction again', () => {
  const prediction = toPrediction({ ...waiting, takenAt: noon + 9000, outcome: succeeded }, options)

  expect(prediction).toMatchObject({ status: 'succeeded', started_at: '2026-01-01T12:00:00.250Z' })
})

test('the place in the queue is told only while it waits', () => {
  const place = { position: 7, etaSeconds: 2.5 }

  const queued = toPrediction(waiting, { ...options, place })
  const processing = toPrediction({ ...waiting, takenAt: noon }, { ...options, place })
  const final = toPrediction({ ...waiting, outcome: succeeded }, { ...options, place })

  expect(queued).toMatchObject({ position: 7, eta: 2.5 })
  expect(processing).not.toHaveProperty('position')
  expect(final).not.toHaveProperty('eta')
})

test('a place is told without an estimate while nothing drains the queue', () => {
  const prediction = toPrediction(waiting, { ...options, place: { position: 0, etaSeconds: null } })

  expect(prediction).toMatchObject({ position: 0, eta: null })
})

test('times that were read from clocks that disagree never go backwards', () => {
  const outcome = { ...succeeded, startedAt: noon - 7_200_000, completedAt: noon - 3_600_000 }

  const running = toPrediction({ ...waiting, takenAt: noon - 3000 }, options)
  const final = toPrediction({ ...waiting, outcome }, options)

  expect(running).toMatchObject({ started_at: '2026-01-01T12:00:00.000Z', metrics: { queue_time: 0 } })
  expect(final).toMatchObject({
    created_at: '2026-01-01T12:00:00.000Z',
    started_at: '2026-01-01T12:00:00.000Z',
    completed_at: '2026-01-01T12:00:00.000Z',
    metrics: { queue_time: 0, total_time: 0 },
  })
})

test.each([
  ['waits', waiting],
  ['is final', { ...waiting, outcome: succeeded }],
  ['has no deadline', { ...waiting, job: { ...waiting.job, deadline: null } }],
])('a prediction that %s has the published shape', (_, record) => {
  const prediction = toPrediction(record, options)

  expect(predictionSchema.parse(prediction)).toEqual(prediction)
})
