import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { Redis } from 'ioredis'
import { inject } from 'vitest'
import { entryOf, portSettings } from '../../scripts/start/apps.ts'
import type { AppFolder } from '../../scripts/start/apps.ts'
import { createClient } from './client.ts'
import type { Client } from './client.ts'
import { descendantsOf, isRunning } from './processes.ts'

/**
 * A whole OnQueue for one test file: a real Redis, an API process and worker processes, with a key prefix of its own.
 * `close` ends what it started, and fails when a process or a key of a prediction is left over.
 */
export type Stack = {
  url: string
  prefix: string
  redisUrl: string
  redis: Redis
  client: Client
  api: StackProcess
  workers: StackProcess[]
  startWorker(environment?: Record<string, string>): Promise<StackProcess>
  startApi(environment?: Record<string, string>): Promise<StackProcess>
  startWebhooks(environment?: Record<string, string>): Promise<StackProcess>
  /** A model repository of its own for `ONQUEUE_MODELS_DIR` of one process. */
  modelsFolder(models: TestModel[]): Promise<string>
  close(): Promise<void>
}

/** A folder of a model; or a test model under another name, with a `model.yaml` of its own. */
type TestModel = string | { name: string; of: string; settings: string }

export type StackProcess = {
  pid: number
  /** where it listens: the API's URL, or the worker's health port */
  url: string
  signal(name: NodeJS.Signals): void
  /** resolves when it is gone */
  ended: Promise<number | null>
  /** what it logged so far */
  log(): string
  /** ends it and waits for it */
  stop(name?: NodeJS.Signals): Promise<void>
}

export type StackOptions = {
  models?: TestModel[]
  workers?: number
  /** where the Redis of the whole run won't do */
  redisUrl?: string
  /** whose processes are started; those of this checkout when not given */
  checkout?: string
  /** settings of every process */
  environment?: Record<string, string>
  prefix?: string
}

export const root = resolve(import.meta.dirname, '../..')
export const shippedModel = (name: string) => join(root, 'models', name)
export const testModel = (name: string) => join(root, 'tests/models', name)

let stacks = 0

export const startStack = async (options: StackOptions = {}): Promise<Stack> => {
  const { models = [shippedModel('demo-classifier')], workers = 1, redisUrl = inject('redisUrl') } = options
  const checkout = options.checkout ?? root
  const prefix = options.prefix ?? `test-${process.pid}-${(stacks += 1)}`
  const folder = await mkdtemp(join(tmpdir(), 'onqueue-test-'))
  const modelsFolder = async (inside: TestModel[]) => {
    const repository = await mkdtemp(join(folder, 'models-'))
    await Promise.all(inside.map((model) => addModel(repository, model)))
    return repository
  }
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null })
  redis.on('error', () => undefined)
  const shared = {
    REDIS_URL: redisUrl,
    ONQUEUE_PREFIX: prefix,
    ONQUEUE_MODELS_DIR: await modelsFolder(models),
    ONQUEUE_DATA_DIR: join(folder, '.data'),
    NODE_COMPILE_CACHE: join(checkout, '.cache/compile'),
    ...Object.fromEntries(portSettings.map((setting) => [setting, '0'])),
    LOG_LEVEL: 'info',
    ...options.environment,
  }
  const started: StackProcess[] = []
  const start = async (app: AppFolder, environment: Record<string, string> = {}) => {
    const child = await startProcess(join(checkout, entryOf(app)), { ...shared, ...environment })
    started.push(child)
    return child
  }
  const close = async () => {
    const offspring = (await Promise.all(started.map((child) => descendantsOf(child.pid)))).flat()
    await Promise.all(started.toReversed().map((child) => child.stop()))
    const left = offspring.filter(isRunning)
    const leaked = await leakedKeys(redis, prefix)
    await removeKeys(redis, prefix)
    redis.disconnect()
    await rm(folder, { recursive: true })
    if (left.length > 0) throw new Error(`the stack left processes behind: ${left.join(', ')}`)
    if (leaked.length > 0) throw new Error(`the stack left keys behind: ${leaked.slice(0, 10).join(', ')}`)
  }

  try {
    const starting = [start('api'), ...Array.from({ length: workers }, () => start('worker'))]
    // when one fails the others have to be there to be ended
    await Promise.allSettled(starting)
    const [api, ...workerProcesses] = await Promise.all(starting)
    if (!api) throw new Error('unreachable: the API is started first')
    const client = createClient(api.url)
    if (workers > 0) await client.untilReady(models.length)
    return {
      url: api.url,
      prefix,
      redisUrl,
      redis,
      client,
      api,
      workers: workerProcesses,
      startWorker: (environment) => start('worker', environment),
      startApi: (environment) => start('api', environment),
      startWebhooks: (environment) => start('webhooks', { PORT: new URL(api.url).port, ...environment }),
      modelsFolder,
      close,
    }
  } catch (err) {
    const logs = started.map((child) => child.log()).join('\n')
    await close().catch(() => undefined)
    throw new Error(`the stack did not start:\n${logs}`, { cause: err })
  }
}

const addModel = async (repository: string, model: TestModel) => {
  if (typeof model === 'string') return symlink(model, join(repository, basename(model)))
  const folder = join(repository, model.name)
  await mkdir(folder)
  await symlink(join(testModel(model.of), 'model.onnx'), join(folder, 'model.onnx'))
  await writeFile(join(folder, 'model.yaml'), model.settings)
}

const startProcess = async (file: string, environment: Record<string, string>): Promise<StackProcess> => {
  const child = spawn(process.execPath, [file], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
  })
  const lines: string[] = []
  child.stdout?.on('data', (data) => lines.push(String(data)))
  child.stderr?.on('data', (data) => lines.push(String(data)))
  const ended = new Promise<number | null>((settle) => child.once('exit', (code) => settle(code)))
  const pid = child.pid ?? 0
  const handle = {
    pid,
    signal: (name: NodeJS.Signals) => void process.kill(pid, name),
    ended,
    log: () => lines.join(''),
    stop: async (name: NodeJS.Signals = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) {
        // a frozen process does not notice that it should end
        child.kill('SIGCONT')
        child.kill(name)
      }
      await ended
    },
  }
  const message = await Promise.race([firstMessage(child), ended.then((code) => ({ code }))])
  if (typeof message !== 'object' || message === null || !('url' in message)) {
    throw new Error(`${file} did not start: ${JSON.stringify(message)}\n${lines.join('')}`)
  }
  return { ...handle, url: String(message.url) }
}

const firstMessage = async (child: ChildProcess): Promise<unknown> => {
  const [message]: unknown[] = await once(child, 'message')
  return message
}

/** Keys of a prediction or a delivery that is gone. Cards, BullMQ's own bookkeeping and what is kept stay. */
const leakedKeys = async (redis: Redis, prefix: string) => {
  const keys = await redis.keys(`${prefix}:*`)
  const known = new Set(keys)
  return keys.filter((key) => {
    const [, slot, kind, id] = /^(.*\}):(input|body):(.*)$/.exec(key) ?? []
    const owner = kind === 'input' ? `${slot}:predictions:${id}` : `${slot}:delivery:${id}`
    return kind !== undefined && !known.has(owner)
  })
}

const removeKeys = async (redis: Redis, prefix: string) => {
  const keys = await redis.keys(`${prefix}:*`)
  for (let start = 0; start < keys.length; start += 1000) await redis.unlink(keys.slice(start, start + 1000))
}
