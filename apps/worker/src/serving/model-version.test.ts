import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createLogger } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import type { ModelSettings } from '../tasks/model-settings.ts'
import { readModelRepository } from '../repository/read-model-repository.ts'
import { childProcesses, nextTurn } from './fixtures/child-processes.ts'
import { ModelVersion } from './model-version.ts'
import { allExecutorsOf, signalAll } from '../../../../tests/support/processes.ts'
import type { RunEnd } from './work.ts'

/**
 * Real executors with the test models (tests/models/README.md). Rows that are to share a micro-batch are submitted while
 * more are expected, and run when `allSubmitted` says that none are.
 */
const modelsDir = fileURLToPath(new URL('../../../../tests/models', import.meta.url))
const log = createLogger({ service: 'test', level: 'silent' })
let definitions: ModelDefinition[] = []
const opened: ModelVersion[] = []

beforeAll(async () => {
  definitions = (await readModelRepository(modelsDir)).definitions
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((version) => version.close()))
  expect(await childProcesses()).toEqual([])
})

const open = async (
  name: string,
  {
    settings = {},
    areFinal = async (ids) => ids.map(() => false),
    availableMemory = async () => Infinity,
    cores = 1,
  }: {
    settings?: Partial<Omit<ModelSettings, 'task'>>
    areFinal?: (ids: string[]) => Promise<boolean[]>
    availableMemory?: () => Promise<number | undefined>
    cores?: number
  } = {},
) => {
  const definition = definitions.find((candidate) => candidate.name === name)
  if (!definition) throw new Error(`no test model ${name}`)
  const microBatches: number[] = []
  const deaths: string[] = []
  let isExpectingRows = false
  let checks = 0
  let checked = Promise.withResolvers<void>()
  const version = await ModelVersion.open({
    definition: {
      ...definition,
      settings: {
        ...definition.settings,
        instances: 1,
        // a machine that is busy must not make a row guilty
        timeout_s: 30,
        // a warm-up measures full micro-batches: with 64 rows it takes `slow` half a second, at every restart too
        batching: { max_rows: 4, max_wait_ms: 60_000 },
        ...settings,
      },
    },
    cores,
    log,
    ending: new AbortController().signal,
    areFinal: async (ids) => {
      const final = await areFinal(ids)
      checks += 1
      checked.resolve()
      checked = Promise.withResolvers<void>()
      return final
    },
    isExpectingRows: () => isExpectingRows,
    availableMemory,
    events: {
      microBatchRan: (rows) => microBatches.push(rows),
      executorDied: (how) => deaths.push(how),
      downChanged: () => undefined,
      batchingDecided: () => undefined,
    },
  })
  opened.push(version)
  return {
    version,
    microBatches,
    deaths,
    run: (rows: unknown[], { apart = false, signal = new AbortController().signal, id = 'p' } = {}) =>
      version.run({ id, rows, lane: 'interactive', apart, freshUntil: 0, signal }),
    expectRows: () => {
      isExpectingRows = true
    },
    allSubmitted: () => {
      isExpectingRows = false
      version.expectationChanged()
    },
    /** Resolves when a micro-batch more than `count` was looked up, and so has been sent to its executor. */
    runsSent: async (count: number) => {
      while (checks < count) await checked.promise
      await nextTurn()
    },
    killExecutor: () => {
      for (const pid of version.executorPids) process.kill(pid, 'SIGKILL')
    },
  }
}

const resultsOf = (end: RunEnd) =>
  end.kind === 'finished'
    ? end.report.results.map((row) => (row.ok ? { ok: true, output: row.output.value() } : row))
    : end.kind

const succeeded = (name: string, ...values: number[]) =>
  values.map((value) => ({ ok: true, output: { [name]: value } }))

test('rows run together and each has its own result', async () => {
  const { run, microBatches } = await open('throws')

  const end = await run([{ i: 1 }, { i: 2 }, { i: 3 }])

  expect(resultsOf(end)).toEqual(succeeded('value', 10, 20, 30))
  expect(microBatches).toEqual([3])
})

test('predictions share a micro-batch', async () => {
  const { run, microBatches, expectRows, allSubmitted } = await open('throws')
  expectRows()

  const ends = [run([{ i: 1 }]), run([{ i: 2 }, { i: 3 }])]
  allSubmitted()

  expect((await Promise.all(ends)).map(resultsOf)).toEqual([
    succeeded('value', 10),
    succeeded('value', 20, 30),
  ])
  expect(microBatches).toEqual([3])
})

test('the report says how large the micro-batch was and how long it took', async () => {
  const { run, expectRows, allSubmitted } = await open('throws')
  expectRows()

  const ends = [run([{ i: 1 }]), run([{ i: 2 }])]
  allSubmitted()

  expect(await ends[0]).toMatchObject({
    kind: 'finished',
    report: { batchSize: 2, predictMs: expect.any(Number) },
  })
})

test('a lone row runs without waiting', async () => {
  const { run } = await open('throws')

  // it would wait for a minute
  expect(resultsOf(await run([{ i: 1 }]))).toEqual(succeeded('value', 10))
})

test('rows wait for others that are on their way, but not for long', async () => {
  const { run, microBatches, expectRows } = await open('throws', {
    settings: { batching: { max_rows: 64, max_wait_ms: 1 } },
  })
  expectRows()

  const ends = await Promise.all([run([{ i: 1 }]), run([{ i: 2 }])])

  expect(ends.map(resultsOf)).toEqual([succeeded('value', 10), succeeded('value', 20)])
  expect(microBatches).toEqual([2])
})

test('a full micro-batch does not wait', async () => {
  const { run, microBatches, expectRows } = await open('throws', {
    settings: { batching: { max_rows: 3, max_wait_ms: 60_000 } },
  })
  expectRows()

  await Promise.all([run([{ i: 1 }]), run([{ i: 2 }]), run([{ i: 3 }])])

  expect(microBatches).toEqual([3])
})

test('whole tensors run one by one', async () => {
  const { run, microBatches } = await open('softmax-axis0')

  const end = await run([{ x: [[1, 2, 3]] }, { x: [[1, 2, 3]] }])

  expect(resultsOf(end)).toEqual([
    { ok: true, output: { y: [[1, 1, 1]] } },
    { ok: true, output: { y: [[1, 1, 1]] } },
  ])
  expect(microBatches).toEqual([1, 1])
})

test('good rows survive a row on which ONNX Runtime throws', async () => {
  const { run, deaths, expectRows, allSubmitted } = await open('throws')
  expectRows()

  const ends = [run([{ i: 1 }]), run([{ i: 99 }]), run([{ i: 3 }])]
  allSubmitted()
  const [first, bad, last] = (await Promise.all(ends)).map(resultsOf)

  expect(first).toEqual(succeeded('value', 10))
  expect(bad).toMatchObject([{ ok: false, code: 'inference_failed' }])
  expect(last).toEqual(succeeded('value', 30))
  expect(deaths).toEqual([])
})

test('a failing row is found by halves, so that most of its mates still run together', async () => {
  const { run, microBatches, expectRows, allSubmitted } = await open('throws', {
    settings: { batching: { max_rows: 16, max_wait_ms: 60_000 } },
  })
  expectRows()

  const ends = Array.from({ length: 16 }, (_, index) => run([{ i: index === 5 ? 99 : 1 }]))
  allSubmitted()
  const results = (await Promise.all(ends)).map(resultsOf)

  expect(results).toMatchObject(Array.from({ length: 16 }, (_, index) => [{ ok: index !== 5 }]))
  expect(microBatches).toEqual([8, 4, 2, 1])
})

test('good rows survive a row that crashes its executor', async () => {
  const { run, deaths, expectRows, allSubmitted } = await open('crashes')
  expectRows()

  const ends = [run([{ i: 1 }]), run([{ i: 999 }]), run([{ i: 3 }])]
  allSubmitted()
  const [first, bad, last] = (await Promise.all(ends)).map(resultsOf)

  expect(first).toEqual(succeeded('y', 1))
  expect(bad).toMatchObject([{ ok: false, code: 'executor_crashed' }])
  expect(last).toEqual(succeeded('y', 3))
  // once together, and twice alone
  expect(deaths).toEqual(['crashed', 'crashed', 'crashed'])
})

test('everything finishes when an executor is killed in the middle of a run', async () => {
  const { run, runsSent, killExecutor, deaths, version } = await open('slow')
  const [pid] = version.executorPids

  const ends = [run([{ n: [100] }]), run([{ n: [1] }, { n: [2] }]), run([{ n: [3] }])]
  await runsSent(2)
  killExecutor()
  const results = (await Promise.all(ends)).map(resultsOf)

  expect(results).toEqual([succeeded('y', 100), succeeded('y', 1, 2), succeeded('y', 3)])
  expect(deaths).toEqual(['crashed'])
  expect(version.executorPids).not.toContain(pid)
})

test('with two executors one goes on while the other is started again', async () => {
  const { run, version, microBatches } = await open('throws', { settings: { instances: 2 } })
  const [pid = 0] = version.executorPids

  process.kill(pid, 'SIGKILL')
  const ends = await Promise.all([run([{ i: 1 }]), run([{ i: 2 }]), run([{ i: 3 }])])

  expect(ends.map(resultsOf)).toEqual([
    succeeded('value', 10),
    succeeded('value', 20),
    succeeded('value', 30),
  ])
  expect(microBatches).toEqual([1, 1, 1])
})

test('a row that runs past the time limit fails, and its mates succeed', async () => {
  const { run, deaths, expectRows, allSubmitted } = await open('slow', { settings: { timeout_s: 0.5 } })
  expectRows()

  const ends = [run([{ n: [1] }]), run([{ n: [20_000] }]), run([{ n: [2] }])]
  allSubmitted()
  const [first, bad, last] = (await Promise.all(ends)).map(resultsOf)

  expect(first).toEqual(succeeded('y', 1))
  expect(bad).toEqual([{ ok: false, code: 'timed_out', detail: 'this row did not finish within 0.5 s' }])
  expect(last).toEqual(succeeded('y', 2))
  expect(deaths).toEqual(['timed_out', 'timed_out', 'timed_out'])
})

test('a run past the time limit halves how many rows run together, and they grow back slowly', async () => {
  // the quick ones stay below it on a busy machine too
  const { run, microBatches } = await open('slow', { settings: { timeout_s: 1 } })
  const quick = Array.from({ length: 4 }, () => ({ n: [0] }))

  await run([{ n: [20_000] }, { n: [0] }, { n: [0] }, { n: [0] }])
  microBatches.splice(0)
  for (const _ of ['first', 'second', 'third']) await run(quick)

  expect(microBatches).toEqual([2, 2, 3, 1, 4])
})

test('a model that takes longer than at its warm-up has fewer rows run together, and fewer are held', async () => {
  const { run, microBatches, version } = await open('slow')
  const before = version.maxInFlightRows

  await run([{ n: [1000] }, { n: [0] }, { n: [0] }, { n: [0] }])
  const limit = version.rowLimit
  await run([{ n: [1000] }])
  await run([{ n: [0] }, { n: [0] }])

  expect(microBatches).toEqual([4, 1, 1, 1])
  expect(limit).toEqual({
    rows: 1,
    boundBy: 'time',
    reason: expect.stringMatching(
      /^a row takes \d+ ms, and a micro-batch is to take about 100 ms at the most$/,
    ),
  })
  expect(before).toBeGreaterThan(2)
  expect(version.maxInFlightRows).toBe(2)
})

test('a model that computes less than at its warm-up keeps one of its executors', async () => {
  const { run, version, deaths } = await open('slow', { settings: { instances: 'auto' }, cores: 2 })
  const before = version.executorPids

  for (let turn = 0; turn < 60; turn++) await run([{ n: [0] }, { n: [0] }, { n: [0] }, { n: [0] }])

  expect(before).toHaveLength(2)
  expect(version.executorPids).toEqual(before.slice(0, 1))
  await expect.poll(childProcesses, { timeout: 20_000 }).toHaveLength(1)
  expect(deaths).toEqual([])
})

test('a row that runs alone when its executor is killed from outside is not guilty', async () => {
  const { run, runsSent, killExecutor, deaths } = await open('slow')

  const end = run([{ n: [100] }])
  for (const death of [1, 2]) {
    await runsSent(death)
    killExecutor()
  }

  expect(resultsOf(await end)).toEqual(succeeded('y', 100))
  expect(deaths).toEqual(['crashed', 'crashed'])
})

test('a row whose executor ends twice while it runs alone is guilty', async () => {
  const { run, runsSent, killExecutor, deaths } = await open('slow')

  const end = run([{ n: [100] }])
  for (const death of [1, 2, 3]) {
    await runsSent(death)
    killExecutor()
  }

  expect(resultsOf(await end)).toMatchObject([{ ok: false, code: 'executor_crashed' }])
  expect(deaths).toEqual(['crashed', 'crashed', 'crashed'])
})

test('a prediction that runs apart shares no micro-batch with others', async () => {
  const { run, microBatches } = await open('throws')

  const ends = [run([{ i: 1 }], { apart: true }), run([{ i: 2 }], { apart: true }), run([{ i: 3 }])]

  expect((await Promise.all(ends)).map(resultsOf)).toEqual([10, 20, 30].map((y) => succeeded('value', y)))
  expect(microBatches).toEqual([1, 1, 1])
})

test('the rows of a prediction that runs apart run together', async () => {
  const { run, microBatches } = await open('throws')

  const end = await run([{ i: 1 }, { i: 2 }, { i: 3 }, { i: 4 }, { i: 5 }], { apart: true })

  expect(resultsOf(end)).toEqual(succeeded('value', 10, 20, 30, 40, 50))
  expect(microBatches).toEqual([4, 1])
})

test('rows of a prediction that runs apart run one by one when together they end their executor', async () => {
  const { version, run, runsSent, killExecutor, microBatches } = await open('slow')
  expect(version.rowLimit.rows).toBeGreaterThan(1)

  const end = run([{ n: [100] }, { n: [0] }], { apart: true })
  await runsSent(1)
  killExecutor()

  expect(resultsOf(await end)).toEqual(succeeded('y', 100, 0))
  expect(microBatches).toEqual([1, 1])
})

test('of the rows of a prediction that runs apart only the guilty one fails', async () => {
  const { run } = await open('throws')

  const end = await run([{ i: 1 }, { i: 99 }, { i: 3 }], { apart: true })

  expect(resultsOf(end)).toMatchObject([{ ok: true }, { ok: false }, { ok: true }])
})

test('a prediction that became final in the meantime is dropped without a run', async () => {
  const { run, microBatches, expectRows, allSubmitted } = await open('throws', {
    areFinal: async (ids) => ids.map((id) => id === 'canceled'),
  })
  expectRows()

  const ends = [run([{ i: 1 }], { id: 'canceled' }), run([{ i: 2 }], { id: 'other' })]
  allSubmitted()

  expect((await Promise.all(ends)).map(resultsOf)).toEqual(['dropped', succeeded('value', 20)])
  expect(microBatches).toEqual([1])
})

test('rows run when it can not be found out which predictions are final', async () => {
  const { run } = await open('throws', {
    areFinal: async () => {
      throw new Error('Redis refused')
    },
  })

  expect(resultsOf(await run([{ i: 1 }]))).toEqual(succeeded('value', 10))
  expect(resultsOf(await run([{ i: 1 }], { apart: true }))).toEqual(succeeded('value', 10))
})

test('aborting drops the rows that have not run', async () => {
  const { run, runsSent, microBatches } = await open('slow')
  const deadline = new AbortController()
  const busy = [run([{ n: [100] }]), run([{ n: [0] }])]
  await runsSent(2)

  const waiting = run([{ n: [1] }, { n: [2] }], { signal: deadline.signal })
  const other = run([{ n: [3] }])
  deadline.abort()

  expect(await waiting).toEqual({ kind: 'dropped', hasRun: false })
  expect(resultsOf(await other)).toEqual(succeeded('y', 3))
  await Promise.all(busy)
  expect(microBatches).toEqual([1, 1, 1])
})

test('aborting does not wait for rows that are running', async () => {
  const { run, runsSent } = await open('slow')
  const deadline = new AbortController()

  const end = run([{ n: [900] }], { signal: deadline.signal })
  await runsSent(1)
  deadline.abort()

  expect(await end).toEqual({ kind: 'dropped', hasRun: true })
})

test('what runs alone has begun too when it is aborted', async () => {
  const { run, runsSent, killExecutor } = await open('slow')
  const deadline = new AbortController()

  const end = run([{ n: [900] }], { signal: deadline.signal })
  await runsSent(1)
  killExecutor()
  await runsSent(2)
  deadline.abort()

  expect(await end).toEqual({ kind: 'dropped', hasRun: true })
})

test('a prediction whose signal is aborted already does not run', async () => {
  const { run, microBatches } = await open('throws')

  const end = await run([{ i: 1 }], { signal: AbortSignal.abort() })

  expect(resultsOf(end)).toBe('dropped')
  expect(microBatches).toEqual([])
})

test('a prediction without rows is finished at once', async () => {
  const { run } = await open('throws')

  expect(resultsOf(await run([]))).toEqual([])
})

test('what is given back is neither finished nor waited for', async () => {
  const { run, runsSent, version } = await open('slow')
  const ends = [run([{ n: [900] }]), run([{ n: [900] }]), run([{ n: [900] }])]
  await runsSent(2)

  version.returnAllToQueue()

  expect((await Promise.all(ends)).map(resultsOf)).toEqual(['returned', 'returned', 'returned'])
})

test('what comes after the others were given back is given back too', async () => {
  const { run, version, microBatches } = await open('throws')

  version.returnAllToQueue()

  expect(resultsOf(await run([{ i: 1 }]))).toBe('returned')
  expect(microBatches).toEqual([])
})

test('closing ends the executors in the middle of a run, and gives back what was in hand', async () => {
  const { run, runsSent, version } = await open('slow', { settings: { instances: 2 } })
  const end = run([{ n: [900] }])
  await runsSent(1)

  await version.close()

  expect(resultsOf(await end)).toBe('returned')
  expect(await childProcesses()).toEqual([])
})

test('a version may be closed twice, and gives back what comes later', async () => {
  const { version, run } = await open('throws')

  await version.close()
  await version.close()

  expect(resultsOf(await run([{ i: 1 }]))).toBe('returned')
})

describe('a run whose predictions have all ended', () => {
  /** Of `slow`: on any machine longer than a test may take. */
  const endless = { n: [200_000] }

  test('is stopped when it goes on, and who waits behind it is served by another executor', async () => {
    const { run, runsSent, deaths, version, microBatches } = await open('slow', {
      settings: { timeout_s: 600 },
    })
    const [pid] = version.executorPids
    const deadline = new AbortController()
    const abandoned = run([endless], { signal: deadline.signal })
    await runsSent(1)

    deadline.abort()
    const next = run([{ n: [1] }, { n: [2] }])

    expect(resultsOf(await abandoned)).toBe('dropped')
    expect(resultsOf(await next)).toEqual(succeeded('y', 1, 2))
    expect(deaths).toEqual(['stopped'])
    expect(version.executorPids).not.toContain(pid)
    expect(version.executorPids.length).toBe(1)
    // they ran together, so that they were no suspects
    expect(microBatches).toEqual([2])
  })

  test('is found also where nobody tells the worker that they ended', async () => {
    const canceled: string[] = []
    const { run, runsSent, deaths } = await open('slow', {
      settings: { timeout_s: 600 },
      areFinal: async (ids) => ids.map((id) => canceled.includes(id)),
    })
    const abandoned = run([endless], { id: 'canceled' })
    await runsSent(1)

    canceled.push('canceled')

    expect(resultsOf(await abandoned)).toBe('dropped')
    expect(resultsOf(await run([{ n: [3] }]))).toEqual(succeeded('y', 3))
    expect(deaths).toEqual(['stopped'])
  })

  test('costs nothing those that were sent to the executor behind it', async () => {
    const { run, runsSent, deaths, microBatches } = await open('slow', { settings: { timeout_s: 600 } })
    const deadline = new AbortController()
    const abandoned = run([endless], { signal: deadline.signal })
    const behind = run([{ n: [1] }, { n: [2] }, { n: [3] }])
    await runsSent(2)

    deadline.abort()

    expect(resultsOf(await behind)).toEqual(succeeded('y', 1, 2, 3))
    expect(resultsOf(await abandoned)).toBe('dropped')
    expect(deaths).toEqual(['stopped'])
    expect(microBatches).toEqual([3])
  })

  test('is no row that crashed its executor, where it ran alone', async () => {
    const { run, runsSent, killExecutor, deaths, version } = await open('slow', {
      settings: { timeout_s: 600 },
    })
    const deadline = new AbortController()
    const abandoned = run([endless], { signal: deadline.signal })
    await runsSent(1)
    killExecutor()
    await runsSent(2)

    deadline.abort()

    expect(resultsOf(await run([{ n: [1] }]))).toEqual(succeeded('y', 1))
    expect(resultsOf(await abandoned)).toBe('dropped')
    expect(deaths).toEqual(['crashed', 'stopped'])
    expect(version.isHealthy).toBe(true)
  })

  test('is ended before the next executor is started, where there is no memory for two', async () => {
    const { run, runsSent, deaths } = await open('slow', {
      settings: { timeout_s: 600 },
      availableMemory: async () => {
        counts.push((await childProcesses()).length)
        return 0
      },
    })
    const counts: number[] = []
    const deadline = new AbortController()
    void run([endless], { signal: deadline.signal })
    await runsSent(1)

    deadline.abort()
    await expect.poll(() => deaths, { timeout: 20_000, interval: 1 }).toEqual(['stopped'])
    counts.push((await childProcesses()).length)

    expect(resultsOf(await run([{ n: [1] }]))).toEqual(succeeded('y', 1))
    expect(Math.max(...counts)).toBe(1)
  })

  test('goes on while one of them is still wanted', async () => {
    const { run, expectRows, allSubmitted, runsSent, deaths, microBatches } = await open('slow')
    const deadline = new AbortController()
    expectRows()
    const ends = [run([{ n: [1800] }], { signal: deadline.signal }), run([{ n: [1] }])]
    allSubmitted()
    await runsSent(1)

    deadline.abort()

    expect((await Promise.all(ends)).map(resultsOf)).toEqual(['dropped', succeeded('y', 1)])
    expect(microBatches).toEqual([2])
    expect(deaths).toEqual([])
  })

  test('is left alone when it has ended before another executor is there', async () => {
    const { run, runsSent, deaths, version, microBatches } = await open('slow', {
      settings: { timeout_s: 600 },
    })
    const before = version.executorPids
    const deadline = new AbortController()
    const abandoned = run([{ n: [2500] }], { signal: deadline.signal })
    await runsSent(1)

    deadline.abort()
    const others = async () => (await allExecutorsOf(process.pid)).filter((pid) => !before.includes(pid))
    await expect.poll(others, { timeout: 20_000, interval: 1 }).toHaveLength(1)
    // so that it is not there in time
    signalAll(await others(), 'SIGSTOP')
    await abandoned

    expect(resultsOf(await run([{ n: [1] }]))).toEqual(succeeded('y', 1))
    await expect.poll(others, { timeout: 20_000 }).toEqual([])
    expect(deaths).toEqual([])
    expect(version.executorPids).toEqual(before)
    expect(microBatches).toEqual([1, 1])
  })

  test('is not stopped where it ends within a second', async () => {
    const { run, runsSent, deaths, version } = await open('slow')
    const before = version.executorPids
    const deadline = new AbortController()
    const abandoned = run([{ n: [150] }], { signal: deadline.signal })
    await runsSent(1)

    deadline.abort()
    await abandoned

    expect(resultsOf(await run([{ n: [1] }]))).toEqual(succeeded('y', 1))
    expect(deaths).toEqual([])
    expect(version.executorPids).toEqual(before)
  })

  test('waits for its turn where another executor of the version is just being replaced', async () => {
    const { run, runsSent, deaths, version } = await open('slow', {
      settings: { timeout_s: 600, instances: 2 },
    })
    const before = version.executorPids
    const deadline = new AbortController()
    const counts: number[] = []
    void run([endless], { signal: deadline.signal })
    await runsSent(1)
    void run([endless], { signal: deadline.signal })
    await runsSent(2)

    deadline.abort()
    await expect
      .poll(
        async () => {
          counts.push((await childProcesses()).length)
          return deaths
        },
        { timeout: 30_000, interval: 5 },
      )
      .toEqual(['stopped', 'stopped'])

    expect(resultsOf(await run([{ n: [1] }]))).toEqual(succeeded('y', 1))
    expect(Math.max(...counts)).toBe(3)
    expect(version.executorPids.filter((pid) => before.includes(pid))).toEqual([])
  })
})
