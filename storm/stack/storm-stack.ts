import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { findDescendants } from '../../bench/processes/find-descendants.ts'
import { toClose } from '../../bench/processes/closing.ts'
import { identifyProcess, isProcessAlive } from '../../scripts/bootstrap/presence.mjs'
import { pickPort } from '../../scripts/redis/ports.ts'
import { apps, portSettings } from '../../scripts/start/apps.ts'
import type { AppFolder } from '../../scripts/start/apps.ts'
import { addModel } from '../../tests/support/add-model.ts'
import { createFakeClock } from '../../tests/support/fake-clock.ts'
import type { StormModel } from '../questions/models.ts'
import { AppPlace } from './app-place.ts'
import { StormRedis } from './storm-redis.ts'

/** Two processes of each app on one Redis, each of which may be dead at any time. */
export type StormStack = {
  /** of the two APIs */
  urls: readonly string[]
  prefix: string
  /** the folder of files and batches */
  storage: string
  redis: StormRedis
  /** a connection of our own, that waits while Redis is away */
  client: Redis
  places: Record<AppFolder, readonly AppPlace[]>
  /** Ends every process in order, and says what was left behind then. */
  end: () => Promise<Leftovers>
  /** Ends all that was started, at once where `end` did not. May be called twice. */
  close: () => Promise<void>
}

/** Processes that still run, by pid and start time; files in the folder for temporary ones. */
export type Leftovers = { processes: string[]; files: string[] }

const root = join(import.meta.dirname, '../..')
const processesOfEach = 2
/** How far the clocks of the two workers are ahead, in seconds: more than a day, and more than all is kept for. */
const skews = [26 * 3600, -26 * 3600] as const
const prefix = 'storm'

export const openStormStack = async ({
  models,
  checkout = root,
  isSkewed = false,
  settings = {},
}: {
  models: readonly StormModel[]
  /** whose apps are started; those of this checkout when not given */
  checkout?: string | undefined
  /** gives the workers clocks that are wrong */
  isSkewed?: boolean
  /** of every process, beside those of all storms */
  settings?: Record<string, string>
}): Promise<StormStack> => {
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'onqueue-storm-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const [repository, temporary, data] = [join(folder, 'models'), join(folder, 'tmp'), join(folder, 'data')]
  await Promise.all([repository, temporary].map((path) => mkdir(path)))
  await Promise.all(
    models.map(({ name, folder: source, settings }) =>
      addModel(repository, { name, folder: join(root, source), settings }),
    ),
  )
  const redis = await StormRedis.open()
  opened.defer(() => redis.close())
  const client = new Redis(redis.url, { maxRetriesPerRequest: null })
  client.on('error', () => undefined)
  opened.defer(() => client.disconnect())

  const ports = await Promise.all(Array.from({ length: processesOfEach }, () => pickPort()))
  const environment = {
    REDIS_URL: redis.url,
    ONQUEUE_PREFIX: prefix,
    ONQUEUE_MODELS_DIR: repository,
    ONQUEUE_DATA_DIR: data,
    ONQUEUE_STORAGE: join(data, 'storage'),
    ONQUEUE_DEFAULT_MODEL: 'demo-classifier',
    // what both APIs and the webhooks say is then the same to the byte
    ONQUEUE_PUBLIC_URL: 'http://storm.test',
    ONQUEUE_WEBHOOK_ALLOW_HTTP: 'true',
    ONQUEUE_WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8',
    ONQUEUE_WEBHOOK_TIMEOUT: '2s',
    ONQUEUE_WEBHOOK_SCHEDULE: `0,0.1s,0.2s,0.5s${',1s'.repeat(100)}`,
    ...Object.fromEntries(portSettings.map((setting) => [setting, '0'])),
    NODE_COMPILE_CACHE: join(checkout, '.cache/compile'),
    ORT_DISABLE_TELEMETRY: '1',
    TMPDIR: temporary,
    LOG_LEVEL: 'error',
    ...settings,
  }
  const clocks = isSkewed ? skews.map((aheadSeconds) => createFakeClock(aheadSeconds)) : []
  for (const clock of clocks) opened.defer(() => clock.remove())
  const placesOf = (folderOfApp: AppFolder) =>
    ports.map((port, index) => {
      const app = apps.find((one) => one.folder === folderOfApp) ?? apps[0]
      const place = new AppPlace({
        name: `${app.name} ${index + 1}`,
        file: join(checkout, app.entry),
        nodeArgs: app.nodeArgs,
        environment: {
          ...environment,
          ...app.ownEnv,
          ...(app.folder === 'api' ? { PORT: String(port) } : {}),
          ...(app.folder === 'worker' ? clocks[index]?.environment : {}),
        },
      })
      opened.defer(() => place.destroy())
      return place
    })
  const places = { api: placesOf('api'), worker: placesOf('worker'), webhooks: placesOf('webhooks') }
  const all = Object.values(places).flat()

  const end = async (): Promise<Leftovers> => {
    const pids = [...all.flatMap(({ pid }) => pid ?? []), ...executorsBelow(process.pid)]
    const started = pids.flatMap((pid) => identifyProcess(pid) ?? [])
    await Promise.all(all.map((place) => place.close()))
    return {
      processes: started.filter(isProcessAlive),
      files: await readdir(temporary, { recursive: true }),
    }
  }
  const running = opened.move()
  return {
    urls: ports.map((port) => `http://127.0.0.1:${port}`),
    prefix,
    storage: environment.ONQUEUE_STORAGE,
    redis,
    client,
    places,
    end,
    close: toClose(() => running.disposeAsync()),
  }
}

/** The processes of models below a process, those included that score batches. */
export const executorsBelow = (pid: number) =>
  findDescendants(pid).flatMap(({ pid: one, command }) =>
    /^onqueue-(?:executor|batch)|executor-process\.ts/.test(command) ? [one] : [],
  )
