import type { PredictionRecord } from '@onqueue/shared'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createEventStreams } from './prediction-events.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const record: PredictionRecord = {
  id: 'iris-01',
  job: {
    model: 'iris',
    version: '1',
    digest: 'd1',
    owner: 'alice',
    requestId: 'req-1',
    inputBytes: 2,
    arrayLength: null,
    priority: 'normal',
    metadata: {},
    deadline: null,
    createdAt: 0,
  },
  input: {},
  takenAt: null,
  outcome: null,
}

/** A stream of a prediction about which nothing comes: Redis has not answered yet. */
const openStream = () => {
  const unanswered = new Promise<PredictionRecord>(() => undefined)
  const events = createEventStreams({
    watcher: { untilFinal: () => unanswered, untilChange: () => unanswered },
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
