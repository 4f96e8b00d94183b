import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { createLogger } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { readModelRepository } from '../repository/read-model-repository.ts'
import { ExecutorSupervisor } from './executor-supervisor.ts'
import { VersionRefused } from './load-executor.ts'
import { childProcesses } from '../serving/fixtures/child-processes.ts'
import { allExecutorsOf, signalAll } from '../../../../tests/support/processes.ts'

/** Real executors with a test model (tests/models/README.md). */
const modelsDir = fileURLToPath(new URL('../../../../tests/models', import.meta.url))
const soon = { timeout: 20_000, interval: 1 }
const log = createLogger({ service: 'test', level: 'silent' })
let definition: ModelDefinition
const started: ExecutorSupervisor[] = []

beforeAll(async () => {
  const { definitions } = await readModelRepository(modelsDir)
  const throws = definitions.find(({ name }) => name === 'throws')
  if (!throws) throw new Error('no test model throws')
  definition = { ...throws, settings: { ...throws.settings, instances: 1 } }
})
afterEach(async () => {
  await Promise.all(started.splice(0).map((supervisor) => supervisor.close()))
  expect(await childProcesses()).toEqual([])
})

const start = async (ending = new AbortController().signal, settings: { instances?: number } = {}) => {
  const deaths: string[] = []
  const whyDown: (string | undefined)[] = []
  const supervisor = await ExecutorSupervisor.start({
    definition: { ...definition, settings: { ...definition.settings, ...settings } },
    cores: 1,
    log,
    ending,
    onDied: (how) => deaths.push(how),
  })
  supervisor.onDownChanged(() => whyDown.push(supervisor.whyDown))
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
