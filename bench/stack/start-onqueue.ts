import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { portSettings } from '../../scripts/start/apps.ts'
import { pickPorts } from '../../scripts/redis/ports.ts'
import { toClose } from '../processes/closing.ts'
import { endGroups } from '../processes/end-groups.ts'
import type { Processes } from '../processes/process-watch.ts'
import { findOnQueueProcesses } from './onqueue-processes.ts'
import { pollUntil } from './poll-until.ts'

export type OnQueue = {
  url: string
  /** Of `npm start`, under which all others are. */
  pid: number
  /** Of what `npm start` runs, by their part in it: `API`, `worker`, `executor`, `webhooks`, and `Redis` where it started one; without batch executors, which come when a batch does. */
  processes: Processes
  /** From `npm start` until `GET /health` says that the model is loaded. */
  readyAfterMs: number
  /** Ends all that was started. May be called twice. */
  close: () => Promise<void>
}

/** First part of OnQueue's keys in Redis. */
export const namespace = 'onqueue'

const root = join(import.meta.dirname, '../..')
const patienceMs = 60_000
const pollMs = 10
const graceMs = 40_000

/** Types `npm start`, with ports, data and models of its own. Without `modelDir` it serves the models that ship. */
export const startOnQueue = async ({
  dataDir,
  modelDir,
  copies,
  variants,
  settings = {},
}: {
  dataDir?: string
  modelDir?: string
  /** how many models it is, under other names but one */
  copies?: number
  /** the same model under further names, each with a `model.yaml` */
  variants?: Record<string, string>
  /** further ones of the environment */
  settings?: Record<string, string>
} = {}): Promise<OnQueue> => {
  const folder = await mkdtemp(join(tmpdir(), 'onqueue-bench-'))
  const ports = await pickPorts(portSettings)
  const url = `http://127.0.0.1:${ports['PORT']}`
  const logFile = join(folder, 'npm-start.log')
  const env = {
    PATH: pathOfUser(),
    HOME: process.env['HOME'],
    ...ports,
    // to the bench's own receiver
    ONQUEUE_WEBHOOK_ALLOW_HTTP: 'true',
    ONQUEUE_WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8',
    ONQUEUE_DATA_DIR: dataDir ?? join(folder, 'data'),
    ONQUEUE_PREFIX: namespace,
    // empty counts as not set, and keeps a setting in .env away
    REDIS_URL: '',
    ONQUEUE_API_KEYS: '',
    ...(modelDir === undefined ? {} : await chooseModel(folder, modelDir, { copies, variants })),
    ...settings,
  }
  const startedAt = performance.now()
  const npm = startNpm(env, logFile)
  const close = toClose(() => end(npm, folder))
  try {
    await untilLoaded(url, npm)
    const readyAfterMs = performance.now() - startedAt
    return { url, pid: npm.pid ?? 0, processes: findOnQueueProcesses(npm.pid ?? 0), readyAfterMs, close }
  } catch (err) {
    const log = await readFile(logFile, 'utf8')
    await close()
    throw new Error(`npm start did not come up; it said:\n${log}`, { cause: err })
  }
}

/** A model repository with this model only, or with copies and variants of it too. */
const chooseModel = async (
  folder: string,
  modelDir: string,
  {
    copies = 1,
    variants = {},
  }: { copies?: number | undefined; variants?: Record<string, string> | undefined },
) => {
  const modelsDir = join(folder, 'models')
  const model = basename(modelDir)
  const names = Array.from({ length: copies }, (_, index) => (index === 0 ? model : `${model}-${index + 1}`))
  for (const name of [...names, ...Object.keys(variants)])
    await cp(modelDir, join(modelsDir, name), { recursive: true })
  for (const [name, yaml] of Object.entries(variants))
    await writeFile(join(modelsDir, name, 'model.yaml'), yaml)
  return { ONQUEUE_MODELS_DIR: modelsDir, ONQUEUE_DEFAULT_MODEL: model }
}

/** As a terminal has it: npm puts folders in front when it runs the bench. */
const pathOfUser = () =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((entry) => !/node_modules|node-gyp-bin/.test(entry))
    .join(delimiter)

const startNpm = (env: Record<string, string | undefined>, logFile: string): ChildProcess => {
  const log = openSync(logFile, 'w')
  // in a session of its own, so that a Ctrl-C for the bench reaches it once, from `end`
  const npm = spawn('npm', ['start'], { cwd: root, env, stdio: ['ignore', log, log], detached: true })
  closeSync(log)
  return npm
}

const untilLoaded = (url: string, npm: ChildProcess) =>
  pollUntil(
    async () => {
      if (await isLoaded(url)) return true
      if (npm.exitCode !== null || npm.signalCode !== null) throw new Error('npm start has ended')
      return false
    },
    { everyMs: pollMs, patienceMs, otherwise: 'no model was loaded' },
  )

const isLoaded = async (url: string) => {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2000) })
    const body: unknown = await response.json()
    return typeof body === 'object' && body !== null && 'model_loaded' in body && body.model_loaded === true
  } catch {
    return false
  }
}

/** As a Ctrl-C in a terminal does: every process of the foreground gets it, npm too, which does not wait for the rest. */
const end = async (npm: ChildProcess, folder: string) => {
  for (const identity of await endGroups([npm], { signal: 'SIGINT', graceMs })) {
    console.error(`Process ${identity} outlived npm start; it was ended`)
  }
  await rm(folder, { recursive: true, force: true })
}
