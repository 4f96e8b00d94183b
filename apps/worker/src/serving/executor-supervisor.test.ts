import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { createLogger } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { readModelRepository } from '../repository/read-model-repository.ts'
import { ExecutorSupervisor } from './executor-supervisor.ts'
import { VersionRefused } from './executor.ts'
import { childProcesses } from './fixtures/child-processes.ts'

/** Real executors with a test model (tests/models/README.md). */
const modelsDir = fileURLToPath(new URL('../../../../tests/models', import.meta.url))
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

const start = async (ending = new AbortController().signal) => {
  const death = Promise.withResolvers<void>()
  const supervisor = await ExecutorSupervisor.start({
    definition,
    cores: 1,
    log,
    ending,
    onDied: () => death.resolve(),
  })
  started.push(supervisor)
  return {
    supervisor,
    died: death.promise,
    killExecutor: () => {
      for (const pid of supervisor.executorPids) process.kill(pid, 'SIGKILL')
    },
  }
}

test('closing ends an executor that is just being started again', async () => {
  const { supervisor, killExecutor, died } = await start()
  killExecutor()
  await died
  // loading the model takes longer than this looks away
  await expect.poll(childProcesses, { interval: 1 }).toEqual(['ProcessWrap'])

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
  await expect.poll(childProcesses).toEqual([])
})

test('a defect of ours that refuses a model keeps the stack that it had in the executor, for the log', async () => {
  const settings = Object.assign({}, definition.settings, { task: 'gone' })

  const starting = ExecutorSupervisor.start({
    definition: Object.assign({}, definition, { settings }),
    cores: 1,
    log,
    ending: new AbortController().signal,
    onDied: () => undefined,
  })

  await expect(starting).rejects.toMatchObject({
    name: 'VersionRefused',
    message: expect.stringMatching(/^it could not be loaded: TypeError: [^\n]+$/),
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
