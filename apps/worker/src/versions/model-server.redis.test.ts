import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { afterEach, beforeAll, beforeEach, expect, inject, onTestFinished, test } from 'vitest'
import {
  createLogger,
  createOutcomeWriter,
  jobOptions,
  modelKeys,
  newPredictionId,
  openPredictionQueue,
  readModel,
  readOutcomes,
  readPredictionRecord,
} from '@onqueue/shared'
import type { PredictionJobData, PredictionQueue } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import { readModelRepository } from '../repository/read-model-repository.ts'
import { childProcesses } from '../serving/fixtures/child-processes.ts'
import { ModelServer } from './model-server.ts'
import { allExecutorsOf, signalAll } from '../../../../tests/support/processes.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'

/**
 * A real Redis, and real executors with the test models (tests/models/README.md), which are here the versions of one model:
 * `throws` answers 10·i, and `slow` takes n milliseconds.
 */
const modelsDir = fileURLToPath(new URL('../../../../tests/models', import.meta.url))
const namespace = `model-server-test-${process.pid}`
const model = 'm'
const log = createLogger({ service: 'test', level: 'silent' })
let found: ModelDefinition[] = []
let redis: Redis
let queue: PredictionQueue
const servers: ModelServer[] = []

beforeAll(async () => {
  found = (await readModelRepository(modelsDir)).definitions
})
beforeEach(() => {
  redis = new Redis(inject('redisUrl'), { maxRetriesPerRequest: null })
  queue = openPredictionQueue(redis, namespace, model)
})
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)))
  expect(await childProcesses()).toEqual([])
  await queue.close()
  await leaveRedis(redis, namespace)
})

type OfAnyTask = Pick<ModelDefinition['settings'], 'batching' | 'example'>

const versionOf = (name: string, version: string, settings: Partial<OfAnyTask> = {}) => {
  const definition = found.find((candidate) => candidate.name === name)
  if (!definition) throw new Error(`no test model ${name}`)
  return {
    ...definition,
    name: model,
    version,
    digest: `digest-${version}`,
    settings: {
      ...definition.settings,
      instances: 1,
      timeout_s: 30,
      batching: { max_rows: 4, max_wait_ms: 1 },
      ...settings,
    },
  } satisfies ModelDefinition
}
const quick = (version: string) => versionOf('throws', version)
const slow = (version: string) => versionOf('slow', version)

const serve = (options: { idleMs?: number } = {}) => {
  const ended: string[] = []
  const deaths: string[] = []
  let rowsRun = 0
  const server = new ModelServer({
    redis,
    namespace,
    clock: Date.now,
    workerId: 'worker',
    model,
    cores: 1,
    versionPatienceMs: 60_000,
    outcomes: createOutcomeWriter({ redis, namespace }),
    events: {
      predictionEnded: (_, { status }, { version }) => ended.push(`${version} ${status}`),
      microBatchRan: (_, rows) => (rowsRun += rows),
      executorDied: (_, cause) => deaths.push(cause),
      lossFound: () => undefined,
    },
    log,
    ...options,
  })
  servers.push(server)
  return { server, ended, deaths, rowsRun: () => rowsRun }
}

const submit = async ({ version, digest }: ModelDefinition, inputs: unknown[]) => {
  const jobs = inputs.map((input) => {
    const now = Date.now()
    const job: PredictionJobData = {
      model,
      version,
      digest,
      owner: 'alice',
      requestId: 'request',
      input,
      inputBytes: 10,
      arrayLength: null,
      priority: 'normal',
      metadata: {},
      deadline: null,
      createdAt: now,
      // so that it shows when its rows have come to its version
      webhook: { url: 'https://receiver.example/', events: ['start'], payload: 'thin' },
    }
    return { id: newPredictionId(model, now), job }
  })
  await Promise.all(jobs.map(({ id, job }) => queue.add(job.owner, job, jobOptions(id, job, 3))))
  return jobs.map(({ id }) => id)
}

const outputsOf = async (ids: string[]) => {
  const outcomes = await readOutcomes({ redis, namespace }, model, ids)
  return outcomes.map((outcome) => outcome?.output ?? null)
}
const takenTimesOf = (ids: string[]) =>
  Promise.all(ids.map(async (id) => (await readPredictionRecord({ redis, namespace }, model, id))?.takenAt))
const countStarted = () => redis.zcard(modelKeys(namespace, model).undelivered)
const countPutOff = () => redis.zcard(modelKeys(namespace, model).queue('delayed'))
const soon = <T>(look: () => T) => expect.poll(look, { timeout: 20_000, interval: 5 })
/** Executors that neither run nor answer, until they are woken. */
const freeze = (pids: number[]) => {
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  return () => {
    for (const pid of pids) process.kill(pid, 'SIGCONT')
  }
}
const statesOf = async () =>
  (await readModel({ redis, namespace }, model)).heartbeats.flatMap(({ versions }) =>
    versions.map(({ version, status }) => `${version} ${status}`),
  )

test('versions that are added together are announced, and ready when predictions are taken for all', async () => {
  const { server, ended } = serve()
  const [one, two] = [quick('1'), slow('2')]
  const ids = [...(await submit(two, [{ n: [0] }])), ...(await submit(one, [{ i: 1 }]))]

  const added = server.add(one, two)
  await soon(statesOf).toEqual(['1 loading', '2 loading'])
  await added

  expect(await statesOf()).toEqual(['1 ready', '2 ready'])
  await soon(() => outputsOf(ids)).toEqual([{ y: 0 }, { value: 10 }])
  expect(ended.toSorted()).toEqual(['1 succeeded', '2 succeeded'])
  expect(await countPutOff()).toBe(0)
})

test('heartbeats tell how many rows of a version run together, and why not more', async () => {
  const { server } = serve()
  const version = quick('1')

  await server.add(version)

  const { heartbeats } = await readModel({ redis, namespace }, model)
  expect(heartbeats.flatMap(({ versions }) => versions)).toMatchObject([
    { version: '1', rowLimit: { rows: 4, reason: 'batching.max_rows allows no more' } },
  ])
  expect(server.rowLimits()).toEqual([{ version: '1', rows: 4, boundBy: 'max_rows' }])
})

test('rows that ran show whether rows may share runs, where that was not known: card and heartbeats tell', async () => {
  const { server, rowsRun } = serve({ idleMs: 5 })
  const version = versionOf('rare', '1')
  await server.add(version)
  const batchingOf = async () => {
    const { versions, heartbeats } = await readModel({ redis, namespace }, model)
    const rows = heartbeats.flatMap((beat) => beat.versions.map(({ rowLimit }) => rowLimit?.rows))
    return { ...versions[0]?.card.interface?.batching, rows }
  }
  expect(await batchingOf()).toMatchObject({ enabled: false, maxRows: 1, rows: [1] })

  await submit(version, [{ x: 1 }, { x: 2e9 }, { x: 3e9 }])

  await soon(batchingOf).toMatchObject({ enabled: true, maxRows: 4, reason: null, rows: [2] })
  expect(rowsRun()).toBe(3)
})

test('a version that can not be loaded is refused, and the other one is served', async () => {
  const { server } = serve()
  const good = quick('1')
  const broken = { ...quick('2'), onnxPath: '/nowhere/model.onnx' }

  await server.add(good, broken)
  const [id = ''] = await submit(good, [{ i: 2 }])

  await soon(() => outputsOf([id])).toEqual([{ value: 20 }])
  expect(await statesOf()).toEqual(['1 ready', '2 refused'])
  await server.remove(broken.digest)
  await soon(statesOf).toEqual(['1 ready'])
})

test('how many predictions are held follows the versions that come and go', async () => {
  const { server, ended, rowsRun } = serve()
  // a row of the first one takes so long, at warm-up and later, that only two are held
  const one = versionOf('slow', '1', { example: { n: [250] }, batching: { max_rows: 1, max_wait_ms: 1 } })
  const two = quick('2')
  await server.add(one)
  const wakeOne = freeze(server.executorPids())
  const slowIds = await submit(
    one,
    [500, 501, 502].map((n) => ({ n: [n] })),
  )
  await soon(countStarted).toBe(2)
  const heldAtFirst = server.countInFlight()

  await server.add(two)
  const wakeTwo = freeze(server.executorPids().slice(1))
  const quickIds = await submit(
    two,
    [1, 2, 3, 4].map((i) => ({ i })),
  )
  wakeOne()
  await soon(() => outputsOf(slowIds)).toEqual([{ y: 500 }, { y: 501 }, { y: 502 }])
  await soon(() => server.countInFlight()).toBe(4)
  // what is held may still be on its way, and what is on its way would be put off
  await soon(countStarted).toBe(7)

  const drained = server.drain(two.digest)
  wakeTwo()
  await drained
  const wakeOneAgain = freeze(server.executorPids())
  const lastIds = await submit(
    one,
    [503, 504, 505].map((n) => ({ n: [n] })),
  )
  await soon(countStarted).toBe(9)
  const heldAtLast = server.countInFlight()
  wakeOneAgain()

  await soon(() => outputsOf([...quickIds, ...lastIds])).toEqual([
    { value: 10 },
    { value: 20 },
    { value: 30 },
    { value: 40 },
    { y: 503 },
    { y: 504 },
    { y: 505 },
  ])
  expect([heldAtFirst, heldAtLast]).toEqual([2, 2])
  expect(rowsRun()).toBe(10)
  expect(ended.length).toBe(10)
})

test('a version that is drained finishes what it has, and what still comes for it waits', async () => {
  const { server, ended, rowsRun } = serve()
  const [one, two] = [quick('1'), quick('2')]
  await server.add(one, two)
  const wake = freeze(server.executorPids().slice(1))
  const taken = await submit(two, [{ i: 1 }, { i: 2 }, { i: 3 }])
  await soon(countStarted).toBe(3)

  const drained = server.drain(two.digest)
  const late = await submit(two, [{ i: 4 }, { i: 5 }])
  const others = await submit(one, [{ i: 6 }, { i: 7 }])
  await soon(() => outputsOf(others)).toEqual([{ value: 60 }, { value: 70 }])
  await soon(countPutOff).toBe(2)
  const statesBefore = await statesOf()
  const pidsBefore = server.executorPids()
  wake()
  await drained

  expect(statesBefore).toEqual(['1 ready'])
  expect(pidsBefore.length).toBe(2)
  expect(server.executorPids()).toEqual(pidsBefore.slice(0, 1))
  await soon(() => outputsOf([...taken, ...late])).toEqual([
    { value: 10 },
    { value: 20 },
    { value: 30 },
    null,
    null,
  ])

  await server.add(two)

  await soon(() => outputsOf(late)).toEqual([{ value: 40 }, { value: 50 }])
  expect(await statesOf()).toEqual(['1 ready', '2 ready'])
  expect(rowsRun()).toBe(7)
  expect(ended.length).toBe(7)
})

test('a version that is removed leaves what it has to whoever has it next', async () => {
  const { server, ended, rowsRun } = serve()
  const [one, two] = [quick('1'), quick('2')]
  await server.add(one, two)
  const [pidOfOne, pidOfTwo = 0] = server.executorPids()
  freeze([pidOfTwo])
  const taken = await submit(two, [{ i: 1 }, { i: 2 }, { i: 3 }])
  await soon(countStarted).toBe(3)

  await server.remove(two.digest)

  expect(server.executorPids()).toEqual([pidOfOne])
  const others = await submit(one, [{ i: 6 }, { i: 7 }])
  await soon(() => outputsOf(others)).toEqual([{ value: 60 }, { value: 70 }])
  await soon(countPutOff).toBe(3)
  expect(await outputsOf(taken)).toEqual([null, null, null])
  await soon(() => takenTimesOf(taken)).toEqual([null, null, null])
  expect(await statesOf()).toEqual(['1 ready'])

  await server.add(two)

  await soon(() => outputsOf(taken)).toEqual([{ value: 10 }, { value: 20 }, { value: 30 }])
  expect(rowsRun()).toBe(5)
  expect(ended.length).toBe(5)
})

/** Why each version is not ready, as heartbeats tell. */
const reasonsOf = async () =>
  (await readModel({ redis, namespace }, model)).heartbeats.flatMap(({ versions }) =>
    versions.map(({ version, reason }) => `${version} ${reason}`),
  )

/** Which versions nobody should wait for. */
const failingOf = async () =>
  (await readModel({ redis, namespace }, model)).versions.flatMap(({ version, status }) =>
    status === 'unavailable' ? [version] : [],
  )

test('a version whose executor dies while it loads is told as loading, with why, and loaded again', async () => {
  const { server, deaths } = serve()
  const one = quick('1')
  const [id = ''] = await submit(one, [{ i: 1 }])
  const added = server.add(one)
  await soon(() => allExecutorsOf(process.pid)).toHaveLength(1)

  signalAll(await allExecutorsOf(process.pid), 'SIGKILL')
  await added

  expect(await statesOf()).toEqual(['1 loading'])
  expect(await reasonsOf()).toEqual([
    expect.stringMatching(/^1 its executor was ended by SIGKILL .* it is tried again$/),
  ])
  expect(deaths).toEqual(['load_failed'])
  await soon(statesOf).toEqual(['1 ready'])
  await soon(() => outputsOf([id])).toEqual([{ value: 10 }])
  expect(await reasonsOf()).toEqual(['1 null'])
})

// the input that raises SIGFPE does so on x86 only
test.skipIf(process.arch !== 'x64')(
  'a version that ends every executor that loads it is never refused, and holds up no other',
  async () => {
    const { server, deaths } = serve()
    const good = quick('1')
    const deadly = versionOf('crashes', '2', { example: { i: 999 } })

    await server.add(good, deadly)
    const [id = ''] = await submit(good, [{ i: 2 }])

    await soon(() => outputsOf([id])).toEqual([{ value: 20 }])
    await soon(() => deaths.length).toBeGreaterThan(2)
    expect(await statesOf()).toEqual(['1 ready', '2 loading'])
    await soon(reasonsOf).toContainEqual(expect.stringMatching(/^2 its executor was ended by SIGFPE/))
    await soon(failingOf).toEqual(['2'])
    expect(deaths.length).toBeGreaterThanOrEqual(5)
    // closing ends it between two tries as well
    await server.close(0)
  },
)

test('a version that loses its executors and can not load again gives back what it has, until it can', async () => {
  const { server, ended } = serve()
  const folder = await mkdtemp(join(tmpdir(), 'onqueue-model-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const onnxPath = join(folder, 'model.onnx')
  const one = { ...slow('1'), onnxPath }
  await copyFile(slow('1').onnxPath, onnxPath)
  await server.add(one)
  const taken = await submit(one, [{ n: [20_000] }, { n: [1] }])
  await soon(countStarted).toBe(2)

  await rename(onnxPath, `${onnxPath}.away`)
  signalAll(server.executorPids(), 'SIGKILL')

  await soon(statesOf).toEqual(['1 loading'])
  expect(await reasonsOf()).toEqual([expect.stringMatching(/^1 it can't be loaded again: model.onnx/)])
  await soon(() => takenTimesOf(taken)).toEqual([null, null])
  await soon(() => server.countInFlight()).toBe(0)
  const waiting = await Promise.all(taken.map((id) => queue.getJobState(id)))
  await Promise.all(taken.slice(0, 1).map((id) => queue.remove(id)))
  await soon(failingOf).toEqual(['1'])
  await rename(`${onnxPath}.away`, onnxPath)

  await soon(statesOf).toEqual(['1 ready'])
  expect(await failingOf()).toEqual([])
  await soon(() => outputsOf(taken)).toEqual([null, { y: 1 }])
  expect(waiting).toEqual(['prioritized', 'prioritized'])
  expect(ended).toEqual(['1 succeeded'])
})

test('a version may be removed while it loads', async () => {
  const { server } = serve()
  const one = quick('1')
  const added = server.add(one)
  await soon(childProcesses).toEqual(['ProcessWrap'])

  await server.remove(one.digest)

  expect(await childProcesses()).toEqual([])
  await added
  await soon(statesOf).toEqual([])
})

test('a version that is here can not be added, and one that is not here can be drained and removed', async () => {
  const { server } = serve()
  const one = quick('1')
  await server.add(one)

  await expect(server.add(quick('2'), one)).rejects.toThrow('version 1 of m is here; remove it first')

  await server.drain('digest-2')
  await server.remove('digest-2')
  expect(await statesOf()).toEqual(['1 ready'])
})

test('closing returns to the queue what a version that drains has not finished', async () => {
  const { server } = serve()
  const one = quick('1')
  await server.add(one)
  freeze(server.executorPids())
  const [id = ''] = await submit(one, [{ i: 1 }])
  await soon(countStarted).toBe(1)

  const drained = server.drain(one.digest)
  await server.close(50)
  await drained

  expect(await queue.getJobState(id)).toBe('prioritized')
  expect(server.executorPids()).toEqual([])
  expect(await statesOf()).toEqual([])
})

test('closing while versions load leaves no executor behind', async () => {
  const { server } = serve()
  const added = server.add(quick('1'), quick('2'))
  await soon(childProcesses).toEqual(['ProcessWrap', 'ProcessWrap'])

  await server.close(0)
  await added

  expect(await childProcesses()).toEqual([])
})
