import { JsonText } from '@onqueue/shared'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ExecutorDied } from '../supervision/executor-died.ts'
import { RunFailed } from '../executor/run-failed.ts'
import { Scheduler } from './scheduler.ts'
import type { Slot } from './schedule.ts'
import { Work } from './work.ts'

/**
 * When micro-batches leave for their executors, by a clock that the test moves. What becomes of rows in real executors is in
 * model-version.test.ts.
 */
const opened: Scheduler[] = []

beforeEach(() => void vi.useFakeTimers({ now: 0 }))
afterEach(() => {
  for (const scheduler of opened.splice(0)) scheduler.close()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

/** An executor that runs what it is sent in order, each until the test ends it. */
class HeldExecutor {
  /** when each micro-batch came, and its rows */
  readonly sent: { atMs: number; rows: unknown[] }[] = []
  readonly #runs: { onStart: () => void; end: () => void; fail: (err: Error) => void }[] = []

  run(rows: unknown[], onStart: () => void) {
    this.sent.push({ atMs: performance.now(), rows })
    const beganAt = performance.now()
    const { promise, resolve, reject } = Promise.withResolvers<{
      results: { ok: true; output: JsonText }[]
      runMs: number
      computeMs: number
    }>()
    const end = () => {
      const ms = performance.now() - beganAt
      resolve({
        results: rows.map((row) => ({ ok: true, output: new JsonText(JSON.stringify(row)) })),
        runMs: ms,
        computeMs: ms,
      })
    }
    this.#runs.push({ onStart, end, fail: reject })
    if (this.#runs.length === 1) onStart()
    return promise
  }

  async endRun() {
    this.#runs.shift()?.end()
    this.#runs[0]?.onStart()
    await vi.advanceTimersByTimeAsync(0)
  }

  async failRun(err: Error) {
    this.#runs.shift()?.fail(err)
    await vi.advanceTimersByTimeAsync(0)
  }
}

const open = ({
  executors = 1,
  runMs = 100,
  deviationMs = 5,
  rowLimit = 2,
  lookMs = 1,
}: {
  executors?: number
  /** what any run is expected to take */
  runMs?: number
  deviationMs?: number
  rowLimit?: number
  lookMs?: number
} = {}) => {
  const held = Array.from({ length: executors }, () => new HeldExecutor())
  const all = held.map((executor): Slot => ({
    executor,
    replace: async () => undefined,
    giveUp: async () => undefined,
    close: async () => undefined,
  }))
  let slots = all
  let slotsChanged = () => {}
  let timeouts = 0
  const givenUp: number[] = []
  /** ended while their rows waited, which only a look tells */
  const final = new Set<string>()
  const scheduler = new Scheduler({
    supervisor: {
      get slots() {
        return slots
      },
      onRestarted: (listener) => {
        slotsChanged = listener
      },
      rowConvicted: () => undefined,
      giveUp: async (slot) => void givenUp.push(all.findIndex((one) => one === slot)),
    },
    rowLimit: { rows: rowLimit, timedOut: () => void (timeouts += 1) },
    maxWaitMs: 2,
    dropFinal: async (works) => {
      if (lookMs > 0) await new Promise((resolve) => setTimeout(resolve, lookMs))
      for (const work of works) if (final.has(work.id) && work.freshUntil <= performance.now()) work.drop()
    },
    isExpectingRows: () => false,
    expectRun: () => ({ runMs, deviationMs }),
    onMicroBatchRan: () => undefined,
    watchRun: () => ({ begin: () => undefined, end: () => undefined }),
  })
  opened.push(scheduler)
  const [first = new HeldExecutor(), second = new HeldExecutor()] = held
  return {
    final,
    first,
    second,
    close: () => scheduler.close(),
    countTimeouts: () => timeouts,
    /** indices of executors that were given up, since they are too many and have nothing to do */
    givenUp,
    /** So many executors are wanted from now on, the first ones. */
    resize: (count: number) => {
      slots = all.slice(0, count)
      slotsChanged()
    },
    addApart: (id: string) =>
      scheduler.addApart(new Work({ id, rows: [id], signal: new AbortController().signal })),
    /** One row, which is also its id. */
    add: (id: string, signal = new AbortController().signal) =>
      scheduler.add(new Work({ id, rows: [id], signal }), 'interactive'),
  }
}

/** The clock and everything that hangs on it. */
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** An executor that has been running a row since 0 ms. */
const openBusy = async (options: Parameters<typeof open>[0] = {}) => {
  const busy = open({ lookMs: 0, ...options })
  busy.add('running')
  await pass(0)
  expect(busy.first.sent).toEqual([{ atMs: 0, rows: ['running'] }])
  return busy
}

test('behind a long run the next micro-batch leaves 5 ms before its expected end, after the look', async () => {
  const { add, first } = open()
  add('a')
  await pass(1)
  add('b')
  await pass(1)
  add('c')

  await pass(200)

  // the first one left at 1 ms, when it had been looked up
  expect(first.sent).toEqual([
    { atMs: 1, rows: ['a'] },
    { atMs: 96, rows: ['b', 'c'] },
  ])
})

test('until then its rows can be canceled: they are looked up before it leaves', async () => {
  const { add, final, first } = await openBusy()
  const deadline = new AbortController()
  add('expired', deadline.signal)
  add('canceled')
  add('wanted')

  await pass(90)
  deadline.abort()
  final.add('canceled')
  await pass(10)

  expect(first.sent.slice(1)).toEqual([{ atMs: 94, rows: ['wanted'] }])
})

test('a row that comes within the last 5 ms leaves at once', async () => {
  const { add, first } = await openBusy()
  await pass(97)

  add('late')
  await pass(0)

  expect(first.sent[1]).toEqual({ atMs: 97, rows: ['late'] })
})

test('a run that ends early is followed at once', async () => {
  const { add, first } = await openBusy()
  add('next')
  await pass(40)

  await first.endRun()

  expect(first.sent[1]).toEqual({ atMs: 40, rows: ['next'] })
})

test('a run that goes on for longer has one micro-batch behind it and no more', async () => {
  const { add, first } = await openBusy({ rowLimit: 1 })
  for (const id of ['next', 'third', 'fourth']) add(id)

  await pass(10_000)

  expect(first.sent.slice(1)).toEqual([{ atMs: 94, rows: ['next'] }])
})

test('one behind which there was nothing when it should have ended gets nothing any more', async () => {
  const { add, first } = await openBusy()
  await pass(121)

  add('late')
  await pass(5000)

  expect(first.sent).toHaveLength(1)
  await first.endRun()
  expect(first.sent[1]).toEqual({ atMs: 5121, rows: ['late'] })
})

test('what was sent ahead is timed from its own turn', async () => {
  const { add, first } = await openBusy({ rowLimit: 1 })
  for (const id of ['second', 'third']) add(id)
  await pass(130)
  await first.endRun()

  await pass(100)

  expect(first.sent.map(({ atMs }) => atMs)).toEqual([0, 94, 224])
})

test('a run that has just ended does not draw a third micro-batch behind the one that is still being looked up', async () => {
  const { add, first } = open({ rowLimit: 1, lookMs: 5 })
  for (const id of ['first', 'second', 'third']) add(id)
  await pass(100)
  expect(first.sent).toHaveLength(1)

  await first.endRun()
  await pass(90)

  expect(first.sent.map(({ rows }) => rows)).toEqual([['first'], ['second']])
})

test('where runs take now long and now not, nothing leaves before the end', async () => {
  const { add, first } = await openBusy({ deviationMs: 40 })
  add('next')

  await pass(99)
  expect(first.sent).toHaveLength(1)
  await first.endRun()

  expect(first.sent[1]).toEqual({ atMs: 99, rows: ['next'] })
})

test('behind a short run the next micro-batch leaves at once', async () => {
  const { add, first } = await openBusy({ runMs: 3 })

  add('next')
  await pass(0)

  expect(first.sent[1]).toEqual({ atMs: 0, rows: ['next'] })
})

test('after closing nothing leaves', async () => {
  const { add, first, close } = await openBusy()
  add('next')
  await pass(50)

  close()
  await pass(100)

  expect(first.sent).toHaveLength(1)
})

test('an executor that is too many and idle is given up at once', async () => {
  const { resize, givenUp, add, first, second } = open({ executors: 2, lookMs: 0 })

  resize(1)
  expect(givenUp).toEqual([1])
  for (const id of ['a', 'b', 'c']) add(id)
  await pass(0)

  expect(first.sent).toHaveLength(1)
  expect(second.sent).toEqual([])
})

test('one that runs something ends that first, and is sent nothing more', async () => {
  const { resize, givenUp, add, second } = await openBusy({ executors: 2, runMs: 3 })
  add('last')
  await pass(0)

  resize(1)
  for (const id of ['a', 'b', 'c', 'd']) add(id)
  await pass(100)
  const before = [...givenUp]
  await second.endRun()

  expect(second.sent).toEqual([{ atMs: 0, rows: ['last'] }])
  expect([before, givenUp]).toEqual([[], [1]])
})

test('rows that were to run alone in it do so in another one', async () => {
  const { resize, add, first, second } = await openBusy({ executors: 2 })
  /** Two rows that are in flight in the second one when it ends. */
  const loseTwo = async (...[one, ...two]: [string, string, string]) => {
    for (const id of [one, ...two]) add(id)
    await pass(0)
    await second.endRun()
    await second.failRun(new ExecutorDied('crashed', 'was ended'))
  }
  await loseTwo('a', 'b', 'c')
  await loseTwo('d', 'e', 'f')

  resize(1)
  await second.endRun()
  for (let run = 0; run < 4; run++) await first.endRun()

  expect(second.sent.map(({ rows }) => rows)).toEqual([['a'], ['b', 'c'], ['d'], ['e', 'f'], ['e']])
  expect(first.sent.map(({ rows }) => rows)).toEqual([['running'], ['b'], ['c'], ['f']])
})

test('predictions of a lost worker run before rows that wait, and apart from them', async () => {
  const { add, addApart, first } = await openBusy({ rowLimit: 3 })
  for (const id of ['a', 'b']) add(id)
  for (const id of ['lost', 'too']) addApart(id)
  for (let run = 0; run < 4; run++) await first.endRun()

  expect(first.sent.slice(1).map(({ rows }) => rows)).toEqual([['lost'], ['too'], ['a', 'b']])
})

test('the halves of a run that failed run before rows that wait, and are not looked at again at once', async () => {
  const { add, first, final } = await openBusy({ rowLimit: 4 })
  for (const id of ['a', 'b', 'c', 'd', 'e']) add(id)
  await first.endRun()
  final.add('a')
  await first.failRun(new RunFailed('the model failed'))
  for (let run = 0; run < 3; run++) await first.endRun()

  expect(first.sent.slice(1).map(({ rows }) => rows)).toEqual([
    ['a', 'b', 'c', 'd'],
    ['a', 'b'],
    ['c', 'd'],
    ['e'],
  ])
})

test('what waited behind a run whose executor died is no suspect, and runs as it was', async () => {
  const { add, first } = open({ runMs: 1, lookMs: 0 })
  for (const id of ['a', 'b', 'c']) add(id)
  await pass(0)
  await first.failRun(new ExecutorDied('crashed', 'was ended'))
  await first.failRun(new ExecutorDied('stopped', 'ended with the run before'))
  for (let run = 0; run < 2; run++) await first.endRun()

  expect(first.sent.map(({ rows }) => rows)).toEqual([['a'], ['b'], ['a'], ['b'], ['c']])
})

test('of the runs in an executor only the one that took too long counts against how many rows run together', async () => {
  const { add, first, countTimeouts } = open({ runMs: 1, lookMs: 0 })
  for (const id of ['a', 'b', 'c', 'd']) add(id)
  await pass(0)
  await first.endRun()
  expect(first.sent.map(({ rows }) => rows)).toEqual([['a'], ['b'], ['c', 'd']])

  await first.failRun(new ExecutorDied('timed_out', 'did not finish'))
  await first.failRun(new ExecutorDied('crashed', 'ended with the run before'))

  expect(countTimeouts()).toBe(1)
  expect(first.sent.slice(3).map(({ rows }) => rows)).toEqual([['b']])
})

test('an executor that is new is sent rows that wait', async () => {
  const { resize, add, second } = open({ executors: 2, lookMs: 0, rowLimit: 1 })
  resize(1)
  add('a')
  add('b')
  await pass(0)

  resize(2)
  await pass(0)

  expect(second.sent).toEqual([{ atMs: 0, rows: ['b'] }])
})

test('an executor that is idle is sent rows before one that is about to be', async () => {
  const { add, first, second } = await openBusy({ executors: 2 })
  await pass(97)

  add('next')
  await pass(0)

  expect(second.sent).toEqual([{ atMs: 97, rows: ['next'] }])
  expect(first.sent).toHaveLength(1)
})
