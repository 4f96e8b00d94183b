import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { readModelRepository } from '../repository/read-model-repository.ts'
import { forkExecutor } from './fork-executor.ts'
import { fromExecutorSchema } from './protocol.ts'
import type { FromExecutor, ToExecutor } from './protocol.ts'
import { openRunChannel } from './run-channel.ts'
import type { RunAnswer } from './run-messages.ts'

const repositories = ['models', 'tests/models'].map((path) =>
  fileURLToPath(new URL(`../../../../${path}`, import.meta.url)),
)
const started: ChildProcess[] = []

afterEach(async () => {
  vi.unstubAllEnvs()
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
})

const findDefinition = async (name: string) => {
  const found = await Promise.all(repositories.map((dir) => readModelRepository(dir)))
  const definition = found.flatMap((repository) => repository.definitions).find((one) => one.name === name)
  if (!definition) throw new Error(`no model ${name} in the repositories`)
  return definition
}

/** Of the version that an executor is started with. */
const place = 1

/** An executor with the answers that it gives, in their order. */
const startExecutor = async (name: string) => {
  const child = forkExecutor()
  started.push(child)
  const answers: (FromExecutor | RunAnswer | undefined)[] = []
  let answered = Promise.withResolvers<void>()
  const take = (answer: FromExecutor | RunAnswer | undefined) => {
    answers.push(answer)
    answered.resolve()
    answered = Promise.withResolvers<void>()
  }
  child.on('message', (message) => take(fromExecutorSchema.parse(message)))
  const channel = openRunChannel(child, take)
  const send = (message: ToExecutor) => child.send(message)
  const run = (runId: number, ...rows: unknown[]) =>
    channel.send({ runId, place, rows: rows.map((row) => JSON.stringify(row)) })
  const next = async () => {
    while (answers.length === 0)
      await Promise.race([
        answered.promise,
        once(child, 'exit').then(() => Promise.reject(new Error('the executor ended'))),
      ])
    return answers.shift()
  }
  send({ type: 'load', place, definition: await findDefinition(name), threads: 1 })
  return { child, send, run, next, loaded: await next() }
}

/** What an answer says of each row, with its output parsed. */
const valuesOf = (answer: FromExecutor | RunAnswer | undefined) =>
  answer && 'results' in answer
    ? answer.results.map((row): unknown => (row.ok ? { ...row, output: JSON.parse(row.output) } : row))
    : answer

const goldenSchema = z.array(z.object({ input: z.unknown(), output: z.unknown() }))

const readGolden = async (name: string) => {
  const { dir } = await findDefinition(name)
  return goldenSchema.parse(JSON.parse(await readFile(join(dir, 'golden.json'), 'utf8')))
}

/** The same value, with numbers within 1e-5 of the expected ones, absolute or relative. */
const closeTo = (value: unknown): unknown => {
  if (typeof value === 'number') {
    return expect.closeTo(value, 5 - Math.max(0, Math.ceil(Math.log10(Math.abs(value) || 1))))
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, closeTo(inner)]))
}

test.each(['demo-classifier', 'iris', 'housing'])(
  '%s answers its golden cases as the library that made it',
  async (name) => {
    const golden = await readGolden(name)
    const executor = await startExecutor(name)

    executor.run(7, ...golden.map((one) => one.input))

    expect(golden.length).toBeGreaterThan(50)
    const answer = await executor.next()
    expect(answer).toMatchObject({
      kind: 'ran',
      runId: 7,
      runMs: expect.any(Number),
      computeMs: expect.any(Number),
    })
    expect(valuesOf(answer)).toEqual(golden.map(({ output }) => ({ ok: true, output: closeTo(output) })))
  },
)

test('runs are answered one after the other, in order', async () => {
  const { run, next } = await startExecutor('throws')

  for (const [index, i] of [1, 99, 2].entries()) run(index, { i })

  expect([await next(), await next(), await next()]).toMatchObject([
    { kind: 'ran', runId: 0, results: [{ ok: true, output: '{"value":10}' }] },
    { kind: 'failed', runId: 1, detail: expect.stringMatching('^the model failed: indices element') },
    { kind: 'ran', runId: 2, results: [{ ok: true, output: '{"value":20}' }] },
  ])
})

test.runIf(process.platform === 'linux')(
  'where memory runs out the system ends an executor before others',
  async () => {
    const { child } = await startExecutor('throws')

    const score = Number(await readFile(`/proc/${child.pid}/oom_score_adj`, 'utf8'))
    expect(score).toBeGreaterThanOrEqual(700)
  },
)

test('a model that can’t be served is refused with a sentence', async () => {
  const definition = await findDefinition('iris')
  const { send, next } = await startExecutor('throws')

  send({
    type: 'load',
    place: 2,
    definition: { ...definition, onnxPath: join(definition.dir, 'gone.onnx') },
    threads: 1,
  })

  expect(await next()).toEqual({
    type: 'refused',
    reason: expect.stringMatching("^model.onnx can't be read: ENOENT"),
  })
})

test('a defect of ours says nothing against the model, and tells where it is', async () => {
  const definition = await findDefinition('iris')
  const { child, next } = await startExecutor('throws')

  child.send({
    type: 'load',
    place: 2,
    definition: { ...definition, settings: { task: 'gone' } },
    threads: 1,
  })

  expect(await next()).toEqual({
    type: 'load-failed',
    reason: expect.stringMatching(/^TypeError: [^\n]+$/),
    stack: expect.stringMatching(/^TypeError: .+\n +at .*load-model\.ts/s),
  })
})

test('signals from the terminal do not end an executor', async () => {
  const { child, run, next } = await startExecutor('throws')

  child.kill('SIGINT')
  child.kill('SIGTERM')
  run(1, { i: 3 })

  expect(await next()).toMatchObject({ kind: 'ran', runId: 1 })
})

test.skipIf(process.platform !== 'linux')(
  'the environment of an executor has what it needs of that of its worker, and no secret',
  async () => {
    const worker = {
      REDIS_URL: 'redis://:password-of-redis@127.0.0.1:6379',
      ONQUEUE_SECRET: 'secret-of-all-tokens',
      ONQUEUE_API_KEYS: 'ops:hash-of-a-key',
      NVIDIA_API_KEY: 'key-of-another-service',
      LD_LIBRARY_PATH: '/opt/cuda/lib64',
      TZ: 'Europe/Zurich',
      NODE_OPTIONS: '--stack-trace-limit=20',
    }
    for (const [name, value] of Object.entries(worker)) vi.stubEnv(name, value)
    const { child, run, next } = await startExecutor('throws')

    const text = await readFile(`/proc/${child.pid}/environ`, 'utf8')
    run(1, { i: 3 })

    const environment = Object.fromEntries(
      text
        .split('\0')
        .filter((entry) => entry !== '')
        .map((entry) => entry.split(/=(.*)/s, 2)),
    )
    expect(environment).toMatchObject({
      LD_LIBRARY_PATH: '/opt/cuda/lib64',
      TZ: 'Europe/Zurich',
      NODE_OPTIONS: '--stack-trace-limit=20',
      PATH: process.env['PATH'],
      ORT_DISABLE_TELEMETRY: '1',
    })
    expect(
      Object.keys(environment).filter((name) => /^(ONQUEUE|REDIS|VITEST|NVIDIA_API|npm)/.test(name)),
    ).toEqual([])
    expect(text).not.toMatch(/password-of-redis|secret-of-all-tokens|hash-of-a-key|key-of-another-service/)
    expect(await next()).toMatchObject({ kind: 'ran', runId: 1 })
  },
)

test('an executor ends when the channel to its worker closes', async () => {
  const { child } = await startExecutor('throws')

  child.disconnect()

  expect(await once(child, 'exit')).toEqual([0, null])
})

test('an executor that hangs in a run ends when its worker is killed', async () => {
  const program = fileURLToPath(new URL('./fixtures/worker-that-hangs.ts', import.meta.url))
  const worker = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
  started.push(worker)
  const hangsAt = await once(worker.stdout, 'data').then(() => performance.now())

  worker.kill('SIGKILL')

  // the executor holds the other end of standard output for as long as it lives
  await once(worker.stdout, 'end')
  // the run goes on for 20 s
  expect(performance.now() - hangsAt).toBeLessThan(15_000)
})

test.skipIf(process.platform !== 'linux')(
  'an executor with a small model takes less than 120 MB',
  async () => {
    // the first one may have to fill the compile cache
    await startExecutor('demo-classifier')

    const { loaded } = await startExecutor('demo-classifier')

    expect(loaded && 'memoryBytes' in loaded && loaded.memoryBytes).toBeLessThan(120e6)
  },
)
