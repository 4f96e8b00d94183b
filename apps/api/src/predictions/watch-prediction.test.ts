import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createPredictionWatcher } from './watch-prediction.ts'
import { predictionRecord } from './prediction-record.fixture.ts'

const queued = predictionRecord()

test('a prediction that cannot be read again stays as it was, and says why unless Redis is away', async () => {
  const logged: { predictionId: string; err: { message: string } }[] = []
  const errors = ['Connection is closed.', 'a defect']
  const watcher = createPredictionWatcher({
    clock: () => 0,
    reader: {
      find: async () => {
        throw new Error(errors.shift())
      },
    },
    waiters: {
      expect: () => ({ within: async () => null, release: () => undefined }),
      isClosed: () => errors.length === 0,
    },
    log: pino({}, { write: (line: string) => logged.push(JSON.parse(line)) }),
  })

  const record = await watcher.untilFinal(queued, { waitMs: 60_000, signal: undefined })

  expect(record).toBe(queued)
  expect(logged).toMatchObject([{ predictionId: queued.id, err: { message: 'a defect' } }])
})

test('a wait for a prediction that is gone ends with an error that says so', async () => {
  const watcher = createPredictionWatcher({
    clock: () => 0,
    reader: { find: async () => null },
    waiters: {
      expect: () => ({ within: async () => null, release: () => undefined }),
      isClosed: () => false,
    },
    log: pino({ level: 'silent' }),
  })

  const waiting = watcher.untilFinal(queued, { waitMs: 60_000, signal: undefined })

  await expect(waiting).rejects.toMatchObject({ code: 'prediction_not_found', extra: { id: queued.id } })
})
