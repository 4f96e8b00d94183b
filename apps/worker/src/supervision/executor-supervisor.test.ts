import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createLogger } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { readModelRepository } from '../repository/read-model-repository.ts'
import { ExecutorSupervisor } from './executor-supervisor.ts'
import { VersionRefused } from './load-version.ts'
import { childProcesses } from '../serving/fixtures/child-processes.ts'
import { allExecutorsOf, signalAll } from '../../../../tests/support/processes.ts'

/** Real executors with a test model (tests/models/README.md). */
const modelsDir = fileURLToPath(new URL('../../../../tests/models', import.meta.url))
const soon = { timeout: 20_000, interval: 1 }
const log = createLogger({ service: 'test', level: 'silent' })
let definition: ModelDefinition
let rare: ModelDefinition
const started: ExecutorSupervisor[] = []

beforeAll(async () => {
  const { definitions } = await readModelRepository(modelsDir)
  const find = (wanted: string) => {
    const found = definitions.find(({ name }) => name === wanted)
    if (!found) throw new Error(`no test model ${wanted}`)
    return { ...found, settings: { ...found.settings, instances: 1 } }
  }
  definition = find('throws')
  rare = find('rare')
})
afterEach(async () => {
  await Promise.all(started.splice(0).map((supervisor) => supervisor.close()))
  expect(await childProcesses()).toEqual([])
})

const start = async (
  ending = new AbortController().signal,
  settings: { instances?: number } = {},
  availableMemory = async (): Promise<number | undefined> => Infinity,
  of = definition,
) => {
  const deaths: string[] = []
  const whyDown: (string | undefined)[] = []
  const supervisor = await ExecutorSupervisor.start({
    definition: { ...of, settings: { ...of.settings, ...settings } },
    cores: 1,
    log,
    ending,
    onDied: (how) => deaths.push(how),
    availableMemory,
  })
  supervisor.onDownChanged(() => whyDown.push(supervisor.whyDown?.reason))
  started.push(supervisor)
  return {
    supervisor,
    deaths,
    whyDown,
    died: () => expect.poll(() => deaths.length, soon).toBeGreaterThan(0),
    killExecutor: () => signalAll(supervisor.executorPids, 'SIGKILL'),
  }
}

/** Pids of executors, those included that are loading. */
const executorPids = () => allExecutorsOf(process.pid)

/** Ends the next executor that is started, before it has loaded its model, which takes longer than finding it. */
const killNext = async (known: number[]) => {
  const next = async () => (await executorPids()).find((pid) => !known.includes(pid)) ?? 0
  await expect.poll(next, soon).toBeGreaterThan(0)
  const pid = await next()
  signalAll([pid], 'SIGKILL')
  return pid
}

test('closing ends an executor that is just being started again', async () => {
  const { supervisor, killExecutor, died } = await start()
  killExecutor()
  await died()
  // loading the model takes longer than this looks away
  await expect.poll(childProcesses, soon).toEqual(['ProcessWrap'])

  await supervisor.close()

  expect(await childProcesses()).toEqual([])
})

test('closing one version leaves the executors of another alone; the end of their model ends both', async () => {
  const model = new AbortController()
  const closed = await start(model.signal)
  await start(model.signal)

  await closed.supervisor.close()
  expect(await childProcesses()).toEqual(['ProcessWrap'])

  model.abort()
  await expect.poll(childProcesses, soon).toEqual([])
})

test('a defect of ours refuses no model, and keeps the stack that it had in the executor, for the log', async () => {
  const settings = Object.assign({}, definition.settings, { task: 'gone' })

  const starting = ExecutorSupervisor.start({
    definition: Object.assign({}, definition, { settings }),
    cores: 1,
    log,
    ending: new AbortController().signal,
    onDied: () => undefined,
  })

  await expect(starting).rejects.toMatchObject({
    name: 'ExecutorDied',
    message: expect.stringMatching(/^failed \(TypeError: [^\n]+\)$/),
    cause: { stack: expect.stringMatching(/\n +at .*load-model\.ts/) },
  })
})

test('a model that can not be loaded is refused, and leaves no process behind', async () => {
  const starting = ExecutorSupervisor.start({
    definition: { ...definition, onnxPath: `${definition.onnxPath}.missing` },
    cores: 1,
    log,
    ending: new AbortController().signal,
    onDied: () => undefined,
  })

  await expect(starting).rejects.toThrow(VersionRefused)
  expect(await childProcesses()).toEqual([])
})

test('an executor that dies while it loads is started again, and until then it is told why there is none', async () => {
  const { supervisor, killExecutor, deaths, whyDown } = await start()

  const known = await executorPids()
  killExecutor()
  await killNext(known)
  await expect.poll(() => supervisor.executorPids.length, soon).toBe(1)

  expect(deaths).toEqual(['crashed', 'load_failed'])
  expect(whyDown).toEqual([expect.stringMatching(/^its executor was ended by SIGKILL .*one try/), undefined])
})

test('one that dies while it loads holds up no other, which serves alone until it is there', async () => {
  const before = start(new AbortController().signal, { instances: 2 })
  await expect.poll(executorPids, soon).toHaveLength(1)
  const [first = 0] = await executorPids()

  const killed = await killNext([first])
  const { supervisor, deaths, whyDown } = await before

  expect(supervisor.executorPids).toEqual([first])
  await expect.poll(() => supervisor.executorPids.length, soon).toBe(2)
  expect(supervisor.executorPids).not.toContain(killed)
  expect(deaths).toEqual(['load_failed'])
  // the other one was there all the time
  expect(whyDown).toEqual([])
})

describe('the number of executors', () => {
  test('grows by those that are loaded, one after the other', async () => {
    const { supervisor } = await start()
    const [first] = supervisor.executorPids
    const counts: number[] = []
    supervisor.onRestarted(() => counts.push(supervisor.executorPids.length))

    await supervisor.resize(3)

    expect(new Set(supervisor.executorPids).size).toBe(3)
    expect(supervisor.executorPids[0]).toBe(first)
    // a slot, and what comes into it
    expect(counts).toEqual([1, 2, 2, 3])
  })

  test('does not grow where there is no memory for more', async () => {
    const { supervisor } = await start(undefined, {}, async () => 0)

    await supervisor.resize(2)

    expect(supervisor.slots).toHaveLength(1)
    expect(await executorPids()).toHaveLength(1)
  })

  test('shrinks when those that are too many are given up, which is no death', async () => {
    const { supervisor, deaths } = await start(undefined, { instances: 2 })
    const [first, second] = supervisor.slots
    const [pid] = supervisor.executorPids

    await supervisor.resize(1)
    expect(supervisor.slots).toEqual([first])
    expect(await executorPids()).toHaveLength(2)
    if (second) await supervisor.giveUp(second)

    expect(await executorPids()).toEqual([pid])
    expect(deaths).toEqual([])
  })

  test('can be changed while one of them is being loaded', async () => {
    const { supervisor, deaths } = await start()

    const growing = supervisor.resize(2)
    await expect.poll(executorPids, soon).toHaveLength(2)
    const [, second] = supervisor.slots
    if (second) await supervisor.giveUp(second)
    await growing

    expect(await executorPids()).toEqual(supervisor.executorPids)
    expect(deaths).toEqual([])
  })

  test('closing ends also those that were too many and are not given up yet', async () => {
    const { supervisor } = await start(undefined, { instances: 2 })
    await supervisor.resize(1)

    await supervisor.close()

    expect(await childProcesses()).toEqual([])
  })
})

test('what rows showed in one executor counts for the others, and for those that come later', async () => {
  const { supervisor, killExecutor, died } = await start(undefined, { instances: 2 }, undefined, rare)
  const { known } = supervisor
  const prove = () => known.proveIn(() => supervisor.slots)
  const verdicts = () => Promise.all(supervisor.slots.flatMap(({ executor }) => executor?.prove() ?? []))
  const isShared = { maxRows: 64, reason: null, isUndecided: false }
  expect(known.description.isUndecided).toBe(true)
  expect(await prove()).toBe(false)

  await supervisor.slots[1]?.executor?.run([{ x: 1 }, { x: 2e9 }, { x: 3e9 }], () => undefined)

  expect(await prove()).toBe(true)
  expect(known.description).toMatchObject({
    isUndecided: false,
    interface: { batching: { enabled: true, maxRows: 64, reason: null } },
  })
  expect(await verdicts()).toEqual([isShared, isShared])
  killExecutor()
  await died()
  await expect.poll(() => supervisor.executorPids.length, soon).toBe(2)
  expect(await verdicts()).toEqual([isShared, isShared])
})

test('a proof ends with its executor', async () => {
  const { supervisor, killExecutor } = await start(undefined, {}, undefined, rare)
  const { known, slots } = supervisor

  const proof = known.proveIn(() => slots)
  killExecutor()

  expect(await proof).toBe(false)
})
