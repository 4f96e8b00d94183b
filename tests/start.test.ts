// `npm start` as it is: real apps, a real Redis, real models. What it does with its children in detail is in
// supervised-start.test.ts.

import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { isProcessAlive } from '../scripts/bootstrap/presence.mjs'
import { readLockFile } from '../scripts/redis/lock-file.ts'
import { openRedis } from '../scripts/redis/open-redis.ts'
import { portSettings } from '../scripts/start/apps.ts'
import { pickPorts } from '../scripts/redis/ports.ts'
import { createClient } from './support/client.ts'
import type { Client } from './support/client.ts'
import { descendantsOf, isRunning, listProcesses, untilGone } from './support/processes.ts'
import { startReceiver } from './support/receiver.ts'
import { runForTest } from './support/running-program.ts'
import type { RunningProgram } from './support/running-program.ts'
import { root } from './support/stack.ts'

type Settings = Record<string, string>

/** Ports and a data folder that nobody else has. */
const makeSettings = async (): Promise<Settings> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'onqueue-npm-start-'))
  onTestFinished(async () => {
    await endRedis(dataDir)
    rmSync(dataDir, { recursive: true })
  })
  return {
    ...(await pickPorts(portSettings)),
    ONQUEUE_DATA_DIR: dataDir,
    ONQUEUE_WEBHOOK_ALLOW_HTTP: '',
    ONQUEUE_WEBHOOK_ALLOWED_NETWORKS: '',
    ONQUEUE_WEBHOOK_ANONYMOUS_LOOPBACK: '',
    ONQUEUE_API_KEYS: '',
    REDIS_URL: '',
    // what npm and vitest add to the environment is not what a terminal has
    NODE_OPTIONS: '',
    NODE_ENV: '',
  }
}

/** Whoever opens a Redis that was left running may end it. */
const endRedis = async (dataDir: string) => {
  if (readLockFile(join(dataDir, 'redis')) === undefined) return
  const redis = await openRedis({
    dataDir,
    env: { PATH: process.env['PATH'] },
    log: { info: () => {}, debug: () => {} },
    sources: ['path'],
  })
  await redis.close()
}

type Started = RunningProgram & { client: Client; signalGroup: (signal: NodeJS.Signals) => void }

/** `npm start`, in a process group of its own as in a terminal. */
const npmStart = (settings: Settings): Started => {
  const program = runForTest('npm', ['start'], { cwd: root, env: settings, detached: true })
  const signalGroup = (signal: NodeJS.Signals) => void process.kill(-program.pid, signal)
  onTestFinished(() => {
    if (isRunning(program.pid)) signalGroup('SIGKILL')
  })
  return { ...program, client: createClient(`http://127.0.0.1:${settings['PORT']}`), signalGroup }
}

const untilReady = (program: RunningProgram) => program.line(/^curl /)

const readRedisProcess = (settings: Settings) => {
  const runsAs = readLockFile(join(String(settings['ONQUEUE_DATA_DIR']), 'redis'))?.server?.runsAs
  return runsAs?.kind === 'process' ? runsAs.process : ''
}

const output = {
  prediction: expect.any(Number),
  probabilities: { 0: expect.any(Number), 1: expect.any(Number) },
}
const submitMany = async (client: Client, count: number, fields: object = {}) => {
  const answers = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      client.submit('demo-classifier', { features: [index, -0.5, 2.1, 0.3] }, fields),
    ),
  )
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
  return answers.map(({ body }) => String(body.id))
}
const expectAllSucceed = async (client: Client, ids: string[]) => {
  const ended = await Promise.all(ids.map((id) => client.untilFinal(id)))
  expect(ended).toMatchObject(ids.map((id) => ({ status: 200, body: { id, status: 'succeeded', output } })))
}

test(
  'Ctrl-C ends everything and loses nothing; killed, it has the same Redis and every prediction when it is started again',
  { timeout: 120_000 },
  async () => {
    const settings = await makeSettings()
    const told = npmStart(settings)
    await untilReady(told)
    const redisOfTold = readRedisProcess(settings)
    const familyOfTold = await descendantsOf(told.pid)
    const idsOfTold = await submitMany(told.client, 300)

    told.signalGroup('SIGINT')
    await told.exited
    const killed = npmStart(settings)

    expect(told.output()).toMatch(/API: stopped[^]*worker: stopped[^]*webhooks: stopped[^]*Redis: closed/)
    expect(isProcessAlive(redisOfTold)).toBe(false)
    expect(familyOfTold.filter(isRunning)).toEqual([])
    expect(familyOfTold.length).toBeGreaterThan(4)
    await untilReady(killed)
    await expectAllSucceed(killed.client, idsOfTold)

    const redisProcess = readRedisProcess(settings)
    const family = await descendantsOf(killed.pid)
    const [finished = ''] = idsOfTold
    const { body: known } = await killed.client.get(`/v1/predictions/${finished}`)
    const ids = await submitMany(killed.client, 300)

    killed.signalGroup('SIGKILL')
    await killed.exited
    const last = npmStart(settings)
    await untilReady(last)

    expect(await last.line(/Redis: 7\./)).toContain('adopted')
    expect(readRedisProcess(settings)).toBe(redisProcess)
    await untilGone(
      family.filter((pid) => pid !== Number.parseInt(redisProcess, 10)),
      { withinMs: 20_000 },
    )
    expect((await last.client.get(`/v1/predictions/${finished}`)).body).toEqual(known)
    await expectAllSucceed(last.client, ids)
  },
)

test('an API, a worker or a webhooks process that is killed is started again', async () => {
  const settings = await makeSettings()
  const program = npmStart(settings)
  await untilReady(program)
  const receiver = await startReceiver()
  onTestFinished(() => receiver.close())
  const ids = await submitMany(program.client, 50)
  const family = new Set(await descendantsOf(program.pid))
  const findApp = async (name: string) =>
    (await listProcesses()).find(
      ({ pid, command }) => family.has(pid) && command.includes(`apps/${name}/src/main.ts`),
    )?.pid ?? 0

  for (const name of ['webhooks', 'worker', 'api']) process.kill(await findApp(name), 'SIGKILL')

  await program.line(/webhooks: was ended by SIGKILL; starting it again in 0\.25 s/)
  await program.line(/worker: was ended by SIGKILL; starting it again in 0\.25 s/)
  await program.line(/API: was ended by SIGKILL; starting it again in 0\.25 s/)
  await vi.waitFor(
    async () => expect((await program.client.get('/health')).body).toMatchObject({ status: 'ok' }),
    15_000,
  )
  await expectAllSucceed(program.client, ids)
  await submitMany(program.client, 1, { webhook: receiver.url })
  await receiver.untilReceived(1)
})

test('a webhook goes to loopback without a setting, from the first key on no more, nor to this very server', async () => {
  const settings = await makeSettings()
  const program = npmStart(settings)
  await untilReady(program)
  const receiver = await startReceiver()
  onTestFinished(() => receiver.close())
  const [id] = await submitMany(program.client, 1, { webhook: receiver.url })
  await receiver.untilReceived(1)
  expect(receiver.received).toMatchObject([{ body: { id, status: 'succeeded', output } }])

  const key = await createKey(settings)
  const holder = createClient(`http://127.0.0.1:${settings['PORT']}`, { key })
  // the API looks at its key file once a second
  await vi.waitFor(async () => expect((await program.client.get('/v1/models')).status).toBe(401), 10_000)

  const targets = ['PORT', 'ONQUEUE_API_HEALTH_PORT', 'ONQUEUE_WORKER_HEALTH_PORT'].flatMap((port) =>
    ['127.0.0.1', 'localhost', '[::1]'].map((host) => `https://${host}:${settings[port]}/metrics`),
  )
  const submits = await Promise.all(
    targets.map((webhook) => holder.submit('demo-classifier', { features: [1, 2, 3, 4] }, { webhook })),
  )
  const tests = await Promise.all(targets.map((url) => holder.call('POST', '/v1/webhooks/test', { url })))

  expect([...submits, ...tests].map(({ status }) => status)).toEqual(Array(2 * targets.length).fill(422))
})

/** Makes a key as `npm run keys` does, and answers it. */
const createKey = async (settings: Settings) => {
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/keys.ts', 'create', 'billing'], {
    cwd: root,
    env: { ...process.env, ...settings },
  })
  return /oq_\S+/.exec(stdout)?.[0] ?? ''
}

test('with an empty models folder it says what is missing, and ends when it is told to', async () => {
  const settings = { ...(await makeSettings()), ONQUEUE_MODELS_DIR: await emptyFolder() }
  const program = npmStart(settings)

  const line = await program.line(/OnQueue: no predictions yet/)
  program.signalGroup('SIGINT')

  expect(line).toContain(
    `there is no model in ${settings.ONQUEUE_MODELS_DIR}: put a folder with a model.onnx`,
  )
  await program.exited
  expect(program.output()).toMatch(/worker: stopped/)
})

test('where the default model is missing it says so, and how to ask one that is there', async () => {
  const folder = await emptyFolder()
  cpSync(join(root, 'models/iris'), join(folder, 'iris'), { recursive: true })
  const program = npmStart({ ...(await makeSettings()), ONQUEUE_MODELS_DIR: folder })

  expect(await untilReady(program)).toContain('/v1/models/iris/predict')
  expect(program.output()).toMatch(
    /OnQueue: the default model demo-classifier is not among the models that are ready, such as iris/,
  )
})

const emptyFolder = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'onqueue-models-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

/** What it printed without npm's own lines. */
const sentencesOf = (program: RunningProgram) =>
  program
    .output()
    .split('\n')
    .filter((line) => line !== '' && !/^(>|npm )/.test(line))

test('a port in use is one sentence that says what to type', async () => {
  const settings = await makeSettings()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(Number(settings['PORT']), '127.0.0.1', resolve))
  onTestFinished(() => void server.close())

  const program = npmStart(settings)

  expect(await program.exited).toBe(1)
  expect(sentencesOf(program)).toEqual([
    expect.stringMatching(
      new RegExp(`^Port ${settings['PORT']} \\(PORT\\) is in use\\. Type "PORT=\\d+ npm start"`),
    ),
  ])
})

test.each([
  { setting: 'PORT', value: 'abc', says: /PORT must be a port number/ },
  { setting: 'LOG_LEVEL', value: 'loud', says: /LOG_LEVEL/ },
  {
    setting: 'ONQUEUE_RETENTION',
    value: 'soon',
    says: /ONQUEUE_RETENTION: must be a duration such as 90s, 10m, 24h or 1h30m/,
  },
])(
  'a $setting that can not be used ends it with exit code 1 and what is wrong',
  async ({ setting, value, says }) => {
    const settings = { ...(await makeSettings()), [setting]: value }

    const program = npmStart(settings)

    expect(await program.exited).toBe(1)
    expect(program.output()).toMatch(says)
    expect(program.output().match(new RegExp(says, 'g'))?.length).toBe(1)
    expect(program.output()).not.toMatch(/ {4}at |starting it again/)
    expect(isProcessAlive(readRedisProcess(settings))).toBe(false)
  },
)
