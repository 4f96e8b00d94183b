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
  const found = await Promise.all(repositories.map(readModelRepository))
  const definition = found.flatMap((repository) => repository.definitions).find((one) => one.name === name)
  if (!definition) throw new Error(`no model ${name} in the repositories`)
  return definition
}

/** An executor with the answers that it gives, in their order. */
const startExecutor = async (name: string) => {
  const child = forkExecutor()
  started.push(child)
  const answers: FromExecutor[] = []
  child.on('message', (message) => answers.push(fromExecutorSchema.parse(message)))
  const send = (message: ToExecutor) => child.send(message)
  const next = async (): Promise<FromExecutor> => {
    const answer = answers.shift()
    if (answer) return answer
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error('the executor ended'))),
    ])
    return next()
  }
  send({ type: 'load', definition: await findDefinition(name), threads: 1 })
  return { child, send, next, loaded: await next() }
}

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

    executor.send({ type: 'run', runId: 7, rows: golden.map((one) => one.input) })

    expect(golden.length).toBeGreaterThan(50)
    expect(await executor.next()).toEqual({
      type: 'ran',
      runId: 7,
      runMs: expect.any(Number),
      results: golden.map(({ output }) => ({ ok: true, output: closeTo(output) })),
    })
  },
)

test('runs are answered one after the other, in order', async () => {
  const { send, next } = await startExecutor('throws')

  for (const [index, i] of [1, 99, 2].entries()) send({ type: 'run', runId: index, rows: [{ i }] })

  expect([await next(), await next(), await next()]).toMatchObject([
    { type: 'ran', runId: 0, results: [{ ok: true, output: { value: 10 } }] },
    { type: 'run-failed', runId: 1, detail: expect.stringMatching('^the model failed: indices element') },
    { type: 'ran', runId: 2, results: [{ ok: true, output: { value: 20 } }] },
  ])
})

test('a model that can’t be served is refused with a sentence', async () => {
  const definition = await findDefinition('iris')
  const { send, next } = await startExecutor('throws')

  send({
    type: 'load',
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

  child.send({ type: 'load', definition: { ...definition, settings: { task: 'gone' } }, threads: 1 })

  expect(await next()).toEqual({
    type: 'load-failed',
    reason: expect.stringMatching(/^TypeError: [^\n]+$/),
    stack: expect.stringMatching(/^TypeError: .+\n +at .*load-model\.ts/s),
  })
})

test('signals from the terminal do not end an executor', async () => {
  const { child, send, next } = await startExecutor('throws')

  child.kill('SIGINT')
  child.kill('SIGTERM')
  send({ type: 'run', runId: 1, rows: [{ i: 3 }] })

  expect(await next()).toMatchObject({ type: 'ran', runId: 1 })
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
    const { child, send, next } = await startExecutor('throws')

    const text = await readFile(`/proc/${child.pid}/environ`, 'utf8')
    send({ type: 'run', runId: 1, rows: [{ i: 3 }] })

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
    expect(await next()).toMatchObject({ type: 'ran', runId: 1 })
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
  expect(performance.now() - hangsAt).toBeLessThan(5000)
})

test.skipIf(process.platform !== 'linux')(
  'an executor with a small model takes less than 120 MB',
  async () => {
    // the first one may have to fill the compile cache
    await startExecutor('demo-classifier')

    const { loaded } = await startExecutor('demo-classifier')

    expect(loaded.type === 'loaded' && loaded.memoryBytes).toBeLessThan(120e6)
  },
)
