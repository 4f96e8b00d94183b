import { AppError } from '@onqueue/shared'
import type { PredictionRecord } from '@onqueue/shared'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createEventStreams } from './prediction-events.ts'
import { predictionRecord } from './prediction-record.fixture.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const record = predictionRecord()

/** A stream of a prediction about which nothing comes: Redis has not answered yet. */
const openStream = ({
  latest = new Promise<PredictionRecord>(() => undefined),
  log = pino({ level: 'silent' }),
} = {}) => {
  const events = createEventStreams({
    watcher: { untilFinal: () => latest, untilChange: () => latest },
    log,
  })
  const stream = events.stream(record, {
    lastEventId: undefined,
    signal: new AbortController().signal,
    show: ({ id }) => ({ id }),
  })
  return { events, reader: stream.getReader() }
}

const textOf = async (reader: ReturnType<typeof openStream>['reader']) =>
  new TextDecoder().decode((await reader.read()).value)

test('a comment every 15 s keeps a stream open that has nothing to tell', async () => {
  const { reader } = openStream()
  await textOf(reader)

  vi.advanceTimersByTime(15_000)

  expect(await textOf(reader)).toBe(': still here\n\n')
})

test('a client that leaves while Redis has not answered ends its stream, and not the process', async () => {
  const { reader } = openStream()
  await textOf(reader)

  await reader.cancel()

  expect(() => vi.advanceTimersByTime(15_000)).not.toThrow()
  expect(vi.getTimerCount()).toBe(0)
})

test('a stream that a defect ends is closed, and the defect is logged', async () => {
  const logged: { predictionId: string; err: { message: string } }[] = []
  const log = pino({}, { write: (line: string) => logged.push(JSON.parse(line)) })
  const { events, reader } = openStream({ latest: Promise.reject(new Error('a defect')), log })
  await textOf(reader)

  expect((await reader.read()).done).toBe(true)

  expect(events.countOpen()).toBe(0)
  expect(logged).toMatchObject([{ predictionId: record.id, err: { message: 'a defect' } }])
})

test('a stream of a prediction that is gone says so, and ends', async () => {
  const gone = new AppError('prediction_not_found', 'this prediction is gone')
  const { events, reader } = openStream({ latest: Promise.reject(gone) })
  await textOf(reader)

  expect(await textOf(reader)).toBe(
    'event: error\ndata: {"code":"prediction_not_found","detail":"this prediction is gone"}\n\n',
  )
  expect((await reader.read()).done).toBe(true)
  expect(events.countOpen()).toBe(0)
})
