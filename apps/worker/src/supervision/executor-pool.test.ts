import { fileURLToPath } from 'node:url'
import { createLogger } from '@onqueue/shared'
import { afterEach, beforeAll, expect, test } from 'vitest'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { readModelRepository } from '../repository/read-model-repository.ts'
import { childProcesses } from '../serving/fixtures/child-processes.ts'
import { listProcesses } from '../../../../tests/support/processes.ts'
import type { Executor } from './executor.ts'
import { ExecutorPool } from './executor-pool.ts'
import { mostClosings, mostVersions } from './sharing.ts'

/** Real executors with the test models (tests/models/README.md): `throws` answers 10·i, `slow` takes n ms. */
const modelsDir = fileURLToPath(new URL('../../../../tests/models', import.meta.url))
const log = createLogger({ service: 'test', level: 'silent' })
let found: ModelDefinition[] = []
let ending = new AbortController()
const pools: ExecutorPool[] = []

beforeAll(async () => {
  found = (await readModelRepository(modelsDir)).definitions
})
afterEach(async () => {
  ending.abort()
  ending = new AbortController()
  for (const pool of pools.splice(0)) pool.close()
  await expect.poll(childProcesses, { timeout: 20_000 }).toEqual([])
})

const open = (options: Partial<ConstructorParameters<typeof ExecutorPool>[0]> = {}) => {
  const pool = new ExecutorPool({ cores: 1, ownExecutors: 0, log, ...options })
  pools.push(pool)
  const start = (
    of: string,
    name = of,
    { timeoutMs = 30_000, signal = ending.signal, ...settings }: StartSettings = {},
  ) => {
    const definition = found.find((one) => one.name === of)
    if (!definition) throw new Error(`no test model ${of}`)
    const named = { ...definition, name, digest: `digest-${name}` }
    return pool.start({
      definition: Object.assign(named, {
        settings: Object.assign({}, definition.settings, { instances: 'auto', ...settings }),
      }),
      threads: 1,
      timeoutMs,
      signal,
    })
  }
  return { start, startAll: (...names: string[]) => Promise.all(names.map((name) => start('throws', name))) }
}
type StartSettings = { timeoutMs?: number; signal?: AbortSignal; instances?: number; example?: unknown }

const onStart = () => undefined
const valuesOf = async (executor: Executor | undefined, ...rows: object[]) =>
  (await executor?.run(rows, onStart))?.results.map((row) => (row.ok ? row.output.value() : row))
/** As `ps` shows it: what is loaded there. */
const titleOf = async ({ pid }: Executor) => (await listProcesses()).find((one) => one.pid === pid)?.command
const pidsOf = (...executors: Executor[]) => executors.map(({ pid }) => pid)

test('small versions share an executor once enough have one of their own, and each answers as itself', async () => {
  const { start } = open({ ownExecutors: 1 })
  const own = await start('throws')
  const [sum, plain] = await Promise.all([start('two-inputs'), start('throws', 'second')])

  expect(sum.pid).toBe(plain.pid)
  expect(own.pid).not.toBe(plain.pid)
  const [sums, values] = await Promise.all([
    valuesOf(sum, { a: [1, 2], b: 3 }),
    valuesOf(plain, { i: 4 }, { i: 5 }),
  ])
  expect(sums).toEqual([{ total: 6, doubled: 6 }])
  expect(values).toEqual([{ value: 40 }, { value: 50 }])
})

test('there are as many shared executors as cores before any is shared, and one more where all are full', async () => {
  const { startAll } = open({ cores: 2 })
  const count = 2 * mostVersions + 1
  const executors = await startAll(...Array.from({ length: count }, (_, index) => `m${index}`))

  const versions = [...Map.groupBy(pidsOf(...executors), (pid) => pid).values()].map(({ length }) => length)
  expect(versions.toSorted((a, b) => a - b)).toEqual([1, mostVersions, mostVersions])
})

test('what model.yaml says, a second executor, and a row that takes long have processes of their own', async () => {
  const { start } = open()
  const shared = await start('throws', 'first')
  const others = await Promise.all([
    start('throws', 'first'),
    start('throws', 'asked', { instances: 1 }),
    // found out when it is loaded with others
    start('slow', 'long', { example: { n: [50] } }),
  ])

  expect(new Set(pidsOf(shared, ...others)).size).toBe(4)
  expect(await valuesOf(others[2], { n: [1] })).toEqual([{ y: 1 }])
  expect(await valuesOf(shared, { i: 1 })).toEqual([{ value: 10 }])
  expect((await childProcesses()).length).toBe(4)
})

test('a version that goes leaves the others as they are, and the last one ends the process', async () => {
  const { start } = open()
  const leaving = new AbortController()
  const leaver = await start('throws', 'leaver', { signal: leaving.signal })
  const mate = await start('throws', 'mate')
  const late = mate.run([{ i: 2 }], onStart)

  leaving.abort()

  expect(await leaver.ended).toMatchObject({ how: 'stopped' })
  expect(leaver.isGone).toBe(true)
  expect((await late).results.length).toBe(1)
  expect(await valuesOf(mate, { i: 3 })).toEqual([{ value: 30 }])
  await expect.poll(() => titleOf(mate)).toBe('onqueue-executor mate/1')
  mate.stop()
  await mate.ended
  expect(await childProcesses()).toEqual([])
})

test('a version that goes while it is loaded leaves nothing of it behind', async () => {
  const { start } = open()
  const mate = await start('throws', 'mate')
  const leaving = new AbortController()
  const starting = start('throws', 'leaver', { signal: leaving.signal })
  const last = start('two-inputs')

  leaving.abort()

  await expect(starting).rejects.toMatchObject({ how: 'stopped' })
  expect((await last).pid).toBe(mate.pid)
  await expect.poll(() => titleOf(mate)).toBe('onqueue-executor of 2 versions')
})

test('what waits behind the run of another version that ends the executor is not to blame, and nor is its version', async () => {
  const { start } = open()
  const killer = await start('slow', 'killer')
  const mate = await start('throws', 'mate')
  const started = Promise.withResolvers<void>()

  const runs = Promise.allSettled([
    killer.run([{ n: [20_000] }], () => started.resolve()),
    mate.run([{ i: 1 }], onStart),
  ])
  await started.promise
  process.kill(killer.pid, 'SIGKILL')

  expect(await runs).toMatchObject([
    { reason: { how: 'crashed', message: 'was ended by SIGKILL' } },
    { reason: { how: 'stopped' } },
  ])
  expect(await killer.ended).toMatchObject({ how: 'crashed' })
  expect(await mate.ended).toMatchObject({
    how: 'stopped',
    message: 'ended with what it ran for another version: it was ended by SIGKILL',
  })
})

test('a run that hangs ends after the time limit of its version, and not of another', async () => {
  const { start } = open()
  const hasty = await start('slow', 'hasty', { timeoutMs: 300 })
  const patient = await start('slow', 'patient', { timeoutMs: 30_000 })

  expect(await valuesOf(patient, { n: [700] })).toEqual([{ y: 700 }])
  await expect(hasty.run([{ n: [20_000] }], onStart)).rejects.toMatchObject({
    how: 'timed_out',
    message: 'did not finish within 0.3 s',
  })
})

/** Ends the executor in a run of the version. */
const endInRun = async (executor: Executor) => {
  await expect(executor.run([{ n: [20_000] }], () => process.kill(executor.pid, 'SIGKILL'))).rejects.toThrow()
  await executor.ended
}

test('a version in whose runs executors ended twice is loaded by itself from then on, and its mates together', async () => {
  const { start } = open()
  const pids: number[][] = []
  for (let time = 0; time < 3; time += 1) {
    const [guilty, mate] = await Promise.all([start('slow', 'guilty'), start('throws', 'mate')])
    pids.push(pidsOf(guilty, mate))
    await endInRun(guilty)
    mate.stop()
    await mate.ended
  }

  expect(pids.map((both) => new Set(both).size)).toEqual([1, 1, 2])
})

test('an executor that is ended while it is at rest speaks against no version', async () => {
  const { startAll } = open()
  for (let time = 0; time < 3; time += 1) {
    const [one, two] = await startAll('one', 'two')
    expect(one?.pid).toBe(two?.pid)
    process.kill(one?.pid ?? 0, 'SIGKILL')
    expect(await one?.ended).toMatchObject({ how: 'crashed' })
    await two?.ended
  }
})

// the input that raises SIGFPE does so on x86 only
test.skipIf(process.arch !== 'x64')(
  'a version that ends the executor while it is loaded is told so, is loaded by itself next, and holds up no other',
  async () => {
    const { start } = open()
    const before = await start('throws', 'before')
    const loads = Promise.allSettled([
      start('crashes', 'deadly', { example: { i: 999 } }),
      start('throws', 'behind'),
      start('two-inputs', 'last'),
    ])

    const [deadly, behind, last] = await loads

    expect(deadly).toMatchObject({ reason: { how: 'crashed', message: 'was ended by SIGFPE' } })
    expect(await before.ended).toMatchObject({ how: 'stopped' })
    if (behind?.status !== 'fulfilled' || last?.status !== 'fulfilled') throw new Error('mates did not load')
    expect(behind.value.pid).toBe(last.value.pid)
    await expect(start('crashes', 'deadly', { example: { i: 999 } })).rejects.toThrow('was ended by SIGFPE')
    expect(await valuesOf(behind.value, { i: 6 })).toEqual([{ value: 60 }])
  },
)

test('a version that does not come to its end of loading keeps others waiting for a while only, and is loaded by itself next', async () => {
  // others are loaded in a tenth of it
  const { start } = open({ loadLimitMs: 3000 })
  const mate = await start('throws', 'mate')
  const giveUp = new AbortController()
  const endless = () => start('slow', 'endless', { example: { n: [20_000] }, signal: giveUp.signal })
  const loads = Promise.allSettled([endless(), start('throws', 'behind')])

  expect(await mate.ended).toMatchObject({ how: 'stopped' })
  const [first, behind] = await loads

  expect(first).toMatchObject({ reason: { how: 'timed_out', message: 'was not done within 3 s' } })
  if (behind?.status !== 'fulfilled') throw new Error('its mate did not load')
  expect(await valuesOf(behind.value, { i: 6 })).toEqual([{ value: 60 }])
  const own = endless()
  await expect.poll(childProcesses).toHaveLength(2)
  giveUp.abort()
  await expect(own).rejects.toMatchObject({ how: 'stopped' })
  expect(behind.value.isGone).toBe(false)
})

test('a version that is refused leaves the executor to the others', async () => {
  const { start } = open()
  const mate = await start('throws', 'mate')

  await expect(start('throws', 'refused', { example: { i: 'text' } })).rejects.toMatchObject({
    name: 'VersionRefused',
  })

  expect(await valuesOf(mate, { i: 7 })).toEqual([{ value: 70 }])
  expect(await start('throws', 'next')).toMatchObject({ pid: mate.pid })
})

test('after so many versions that came and went no more come to an executor', async () => {
  const { start } = open()
  const mate = await start('throws', 'mate')
  for (let time = 0; time < mostClosings; time += 1) {
    const one = await start('throws', `m${time}`)
    expect(one.pid).toBe(mate.pid)
    one.stop()
    await one.ended
  }

  expect((await start('throws', 'next')).pid).not.toBe(mate.pid)
  expect(await valuesOf(mate, { i: 8 })).toEqual([{ value: 80 }])
})

test('an executor that takes too much memory is ended, and what it ran is not to blame', async () => {
  const { start } = open({ lookMs: 5, leakBytes: 250 * 1024 * 1024 })
  const greedy = await start('echo', 'greedy')
  const mate = await start('throws', 'mate')
  // it may end before the run does, or after it
  const run = greedy.run([{ x: Array(8_000_000).fill(0) }], onStart).catch((err: unknown) => err)

  expect([await greedy.ended, await mate.ended]).toMatchObject([{ how: 'stopped' }, { how: 'stopped' }])
  expect(await run).toEqual(expect.toSatisfy((end) => 'results' in end || end.how === 'stopped'))
})

test('a version that has come to run for long leaves the others alone', async () => {
  const { start } = open({ lookMs: 20 })
  const slow = await start('slow', 'slow')
  const mate = await start('throws', 'mate')
  const pid = slow.pid
  await slow.run([{ n: [600] }], onStart)

  expect(await slow.ended).toMatchObject({ how: 'stopped' })
  expect(mate.isGone).toBe(false)
  expect((await start('slow', 'slow')).pid).not.toBe(pid)
})
