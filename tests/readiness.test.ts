import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { allExecutorsOf, signalAll } from './support/processes.ts'
import { startStack } from './support/stack.ts'
import type { Stack, StackProcess } from './support/stack.ts'

/** One API, and workers of different folders: what `/readyz` and `/livez` say of each. */
let stack: Stack
let scratch: string

beforeAll(async () => {
  stack = await startStack({ models: [], workers: 0 })
  scratch = await mkdtemp(join(tmpdir(), 'onqueue-broken-'))
})
afterAll(async () => {
  await stack.close()
  await rm(scratch, { recursive: true })
})

/** A model of which no file can be served. */
const broken = async (name: string) => {
  const folder = join(await mkdtemp(join(scratch, 'models-')), name)
  await mkdir(folder)
  await writeFile(join(folder, 'model.onnx'), 'not a model')
  return folder
}

/** A good model under a name of its own. */
const good = (name: string, description = '') => ({
  name,
  of: 'throws',
  settings: `description: "${description}"\ninstances: 1\n`,
})

const hire = async (models: Parameters<Stack['modelsFolder']>[0], environment: Record<string, string> = {}) =>
  stack.startWorker({ ONQUEUE_MODELS_DIR: await stack.modelsFolder(models), ...environment })

const read = async ({ url }: StackProcess, path: string) => {
  const response = await fetch(`${url}${path}`)
  const body: { reasons?: string[] } = JSON.parse(await response.text())
  return { status: response.status, reasons: body.reasons ?? [] }
}
const readyzOf = (app: StackProcess) => read(app, '/readyz')
const until = <T>(look: () => Promise<T>) => expect.poll(look, { timeout: 30_000, interval: 50 })
const untilReady = (app: StackProcess) => until(() => readyzOf(app)).toEqual({ status: 200, reasons: [] })
/** What it says once nothing is on its way any more. */
const untilSettled = (worker: StackProcess) =>
  vi.waitFor(
    async () => {
      const answer = await readyzOf(worker)
      expect(answer.reasons.join()).not.toMatch(/is loading$|is loading,|being read/)
      return answer
    },
    { timeout: 30_000, interval: 50 },
  )

test('without a model nobody is ready, and everybody is alive', async () => {
  const worker = await hire([])

  expect(await untilSettled(worker)).toEqual({
    status: 503,
    reasons: [expect.stringMatching(/^there is no model in \/.*: put a folder with a model.onnx into it/)],
  })
  expect(await readyzOf(stack.api)).toEqual({
    status: 503,
    reasons: ['no worker has published a model yet: start a worker that has one'],
  })
  expect(await read(worker, '/livez')).toEqual({ status: 200, reasons: [] })
  expect(await read(stack.api, '/livez')).toEqual({ status: 200, reasons: [] })
})

test('where all models are refused the worker says which, and so does the API', async () => {
  const worker = await hire([await broken('spoiled'), await broken('rotten')])

  const answer = await untilSettled(worker)

  expect(answer.status).toBe(503)
  expect(answer.reasons.toSorted()).toEqual([
    'version 1 of rotten is refused: the file is not an ONNX model, or is cut off',
    'version 1 of spoiled is refused: the file is not an ONNX model, or is cut off',
  ])
  await until(() => readyzOf(stack.api)).toEqual({
    status: 503,
    reasons: [expect.stringContaining('model "rotten"'), expect.stringContaining('model "spoiled"')],
  })
  expect((await read(worker, '/livez')).status).toBe(200)
  // a stack is for defects
  expect(worker.log()).toContain('"model refused"')
  expect(worker.log()).not.toContain('"stack"')
})

test('a worker whose model can not be loaded yet is not ready and says why, and is when it is loaded', async () => {
  const worker = await hire([good('starved')])
  await vi.waitFor(
    async () => {
      signalAll(await allExecutorsOf(worker.pid), 'SIGKILL')
      expect((await readyzOf(worker)).reasons).toEqual([
        expect.stringMatching(/^version 1 of starved is loading: its executor was ended by SIGKILL/),
      ])
    },
    { timeout: 30_000, interval: 10 },
  )
  const alive = await read(worker, '/livez')

  await untilReady(worker)

  // nothing that a restart would cure
  expect(alive.status).toBe(200)
  await untilReady(stack.api)
})

test('a model that its files refuse keeps no worker from being ready, unless all are demanded', async () => {
  const models = [good('sound'), await broken('unsound')]

  const worker = await hire(models)
  await untilReady(worker)
  const strict = await hire(models, { ONQUEUE_READY: 'all' })

  expect(await untilSettled(strict)).toEqual({
    status: 503,
    reasons: ['version 1 of unsound is refused: the file is not an ONNX model, or is cut off'],
  })
  const whole = await hire([good('sound')], { ONQUEUE_READY: 'all' })
  await untilReady(whole)
})

test('in a roll-out of a broken model the new worker is not ready and says which, until the old one is gone', async () => {
  const old = await hire([good('rolled')])
  await untilReady(old)

  const next = await hire([await broken('rolled'), good('other')])
  await stack.client.untilServed('other')

  expect(await untilSettled(next)).toEqual({
    status: 503,
    reasons: [
      expect.stringMatching(
        /^version 1 of rolled \([0-9a-f]{12}\) is refused here, and another worker serves it from other files \([0-9a-f]{12}\): the file is not/,
      ),
    ],
  })
  await untilReady(old)
  expect((await stack.client.predict('rolled', { i: 3 })).body).toEqual({ value: 30 })

  await old.stop()
  await untilReady(next)
})

test('a roll-out of a good model is ready beside the old worker', async () => {
  const old = await hire([good('renewed', 'old')])
  await untilReady(old)

  const next = await hire([good('renewed', 'new')])

  await untilReady(next)
  await untilReady(old)
})

test('what others serve later makes no worker unready that was ready', async () => {
  const first = await hire([await broken('late'), good('early')])
  await untilReady(first)

  const second = await hire([good('late')])
  await untilReady(second)
  await stack.client.untilServed('late', { workers: 2 })

  expect(await readyzOf(first)).toEqual({ status: 200, reasons: [] })
})
