/** A process of OnQueue, and what has to be known of it to run it: here, in an image, and in a test. */
export type App = {
  /** for people */
  name: string
  /** its place in apps/, its target in the Dockerfile, and its service in docker-compose.yml */
  folder: string
  entry: string
  /** options of V8 */
  nodeArgs: readonly string[]
  /** what it is given where the user has not set it otherwise */
  ownEnv: Readonly<Record<string, string>>
  /** those of `secretSettings` that it reads; it is not given the others */
  secrets: readonly (typeof secretSettings)[number][]
  /** where it answers /livez, /readyz and /metrics: at `PORT` plus the offset, unless it is set */
  healthPort: { setting: string; offset: number }
}

/** The settings that open something. */
export const secretSettings = [
  'REDIS_URL',
  'ONQUEUE_SECRET',
  'ONQUEUE_SECRET_PREVIOUS',
  'ONQUEUE_API_KEYS',
] as const

/** `PORT` where it is not set. */
export const defaultPort = 8080

/** Where an app starts. */
export const entryOf = (folder: string) => `apps/${folder}/src/main.ts`

/** glibc keeps an arena for each thread, and what was freed in it: one that gives back saves an API process 6 MB. */
const allocator = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' } as const

/**
 * Every app, in the order in which they are stopped: who takes in something new before who works it off.
 *
 * V8 takes what it may have: by default 300 MB under load. The young generations of API and worker have to hold what 256 requests
 * under way keep alive, or the collector copies all of it again and again, in threads of its own that the main one's profile does not
 * show: with 4 and 2 MB it takes a third of their CPU. More than this saves nothing more. The old one of the API holds what is parsed of short bodies; long ones are read in a thread. The webhooks process holds bodies of 256 KB at the most, one an attempt.
 */
export const apps = [
  {
    name: 'API',
    folder: 'api',
    entry: entryOf('api'),
    nodeArgs: ['--max-semi-space-size=16', '--max-old-space-size=128'],
    ownEnv: allocator,
    secrets: ['REDIS_URL', 'ONQUEUE_SECRET', 'ONQUEUE_SECRET_PREVIOUS', 'ONQUEUE_API_KEYS'],
    healthPort: { setting: 'ONQUEUE_API_HEALTH_PORT', offset: 1 },
  },
  {
    name: 'worker',
    folder: 'worker',
    entry: entryOf('worker'),
    nodeArgs: ['--max-semi-space-size=8', '--max-old-space-size=192'],
    ownEnv: allocator,
    secrets: ['REDIS_URL'],
    healthPort: { setting: 'ONQUEUE_WORKER_HEALTH_PORT', offset: 2 },
  },
  {
    name: 'webhooks',
    folder: 'webhooks',
    entry: entryOf('webhooks'),
    nodeArgs: ['--max-semi-space-size=2', '--max-old-space-size=128'],
    // a DNS look-up holds a thread until it is answered: with Node's four, the names of one dead server would hold up
    // the deliveries to all others
    ownEnv: { ...allocator, UV_THREADPOOL_SIZE: '64' },
    secrets: ['REDIS_URL', 'ONQUEUE_SECRET', 'ONQUEUE_SECRET_PREVIOUS'],
    healthPort: { setting: 'ONQUEUE_WEBHOOKS_HEALTH_PORT', offset: 3 },
  },
] as const satisfies readonly App[]

export type AppFolder = (typeof apps)[number]['folder']

/** The settings of every port that OnQueue listens on. */
export const portSettings = ['PORT', ...apps.map(({ healthPort }) => healthPort.setting)]

/** What of an environment an app is given: its own beneath what the user has set, without the secrets of others. */
export const environmentOf = (
  { ownEnv, secrets }: Pick<App, 'ownEnv' | 'secrets'>,
  env: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv => {
  const withheld = secretSettings.filter((setting) => !secrets.includes(setting))
  return Object.fromEntries(
    Object.entries({ ...ownEnv, ...env }).filter(([name]) => !withheld.some((setting) => setting === name)),
  )
}
