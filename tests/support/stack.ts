import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { Redis } from 'ioredis'
import { inject } from 'vitest'
import { entryOf, portSettings } from '../../scripts/start/apps.ts'
import type { AppFolder } from '../../scripts/start/apps.ts'
import { addModel } from './add-model.ts'
import type { AddedModel } from './add-model.ts'
import { startProcess } from './app-process.ts'
import type { StackProcess } from './app-process.ts'
import { createClient } from './client.ts'
import type { Client } from './client.ts'
import { descendantsOf, untilGone } from './processes.ts'

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

export type { StackProcess } from './app-process.ts'

/** A folder of a model; or a test model under another name, with a `model.yaml` of its own. */
type TestModel = string | { name: string; of: string; settings: string }

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
    await Promise.all(inside.map((model) => addModel(repository, toAdded(model))))
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
    // jobs are predictions where a test looks at them, however its submits come together
    ONQUEUE_PACKS: 'false',
    // and an executor is known by its model
    ONQUEUE_OWN_EXECUTORS: '100',
    // tests run beside others, and would wait for these
    ONQUEUE_BATCH_PRIORITY: 'normal',
    ...options.environment,
  }
  const started: StackProcess[] = []
  const start = async (app: AppFolder, environment: Record<string, string> = {}) => {
    const child = await startProcess(join(checkout, entryOf(app)), { ...shared, ...environment })
    started.push(child)
    return child
  }
  const close = async () => {
    const offspring = await descendantsOf(...started.map(({ pid }) => pid))
    await Promise.all(started.toReversed().map((child) => child.stop()))
    // an executor whose worker was cut short sees by itself that it is gone
    const left = await untilGone(offspring, { withinMs: 5000 }).catch((err: unknown) => String(err))
    const leaked = await leakedKeys(redis, prefix)
    await removeKeys(redis, prefix)
    redis.disconnect()
    await rm(folder, { recursive: true })
    if (left !== undefined) throw new Error(`the stack left processes behind: ${left}`)
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

const toAdded = (model: TestModel): AddedModel =>
  typeof model === 'string'
    ? { name: basename(model), folder: model }
    : { name: model.name, folder: testModel(model.of), settings: model.settings }

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
