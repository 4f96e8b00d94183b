// `npm start` with stand-ins for the apps: what it prints, starts again, refuses and ends.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { identifyProcess, isProcessAlive } from '../scripts/bootstrap/presence.mjs'
import { readLockFile } from '../scripts/redis/lock-file.ts'
import { openRedis } from '../scripts/redis/open-redis.ts'
import { probeRedis } from '../scripts/redis/probe-redis.ts'
import { portSettings } from '../scripts/start/apps.ts'
import { pickPort, pickPorts } from '../scripts/redis/ports.ts'
import { runForTest } from './support/running-program.ts'
import type { RunningProgram } from './support/running-program.ts'

type Started = RunningProgram & { port: number; dataDir: string }

const start = async ({
  api = 'idle-app.ts',
  worker = 'idle-app.ts',
  webhooks = 'idle-app.ts',
  env = {},
}: {
  api?: string
  worker?: string
  webhooks?: string
  env?: NodeJS.ProcessEnv
} = {}): Promise<Started> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'onqueue-start-'))
  const ports = await pickPorts(portSettings)
  const program = runForTest(
    process.execPath,
    ['scripts/start/fixtures/start-fixtures.ts', api, worker, webhooks],
    {
      env: {
        REDIS_URL: '',
        ONQUEUE_WEBHOOK_ALLOW_HTTP: '',
        ONQUEUE_WEBHOOK_ALLOWED_NETWORKS: '',
        ONQUEUE_WEBHOOK_ANONYMOUS_LOOPBACK: '',
        UV_THREADPOOL_SIZE: undefined,
        ...ports,
        ONQUEUE_DATA_DIR: dataDir,
        ...env,
      },
    },
  )
  onTestFinished(async () => {
    program.kill('SIGKILL')
    await program.exited
    await endRedis(dataDir).catch(() => {
      // it died before
    })
    rmSync(dataDir, { recursive: true, force: true })
  })
  return { ...program, port: Number(ports['PORT']), dataDir }
}

/** What a program that was killed leaves behind: whoever adopts it may end it. */
const endRedis = async (dataDir: string) => {
  if (readLockFile(join(dataDir, 'redis')) === undefined) return
  const redis = await openRedis({ dataDir, env: {}, log: { info: () => {}, debug: () => {} }, sources: [] })
  await redis.close()
}

const readServer = (dataDir: string) => {
  const runsAs = readLockFile(join(dataDir, 'redis'))?.server?.runsAs
  return runsAs?.kind === 'process' ? runsAs.process : ''
}

/** The process whose pid an idle app said when it was ready. */
const readAppProcess = (line: string) => identifyProcess(Number(/pid (\d+)/.exec(line)?.[1])) ?? ''

const untilGone = (identity: string) =>
  vi.waitFor(() => expect(isProcessAlive(identity)).toBe(false), { timeout: 10_000, interval: 10 })

test('when the model is there, the address and a request to paste are printed', async () => {
  const program = await start({ api: 'serving-app.ts' })

  expect(await program.line(/^curl/)).toBe(
    `curl -X POST http://127.0.0.1:${program.port}/v1/models/demo-classifier/predict -H 'content-type: application/json' -d '{"features":[1,-0.5]}'`,
  )
  expect(await program.line(/Redis: 7\./)).toContain(`data in ${program.dataDir}/redis`)
  expect(await program.line(/OnQueue: demo-classifier is ready/)).toContain(
    `http://127.0.0.1:${program.port}`,
  )
})

test('Ctrl-C stops the API, then the worker, then the webhooks, then Redis, and is a success', async () => {
  const program = await start()
  await Promise.all([/API: ready/, /worker: ready/, /webhooks: ready/].map(program.line))
  const server = readServer(program.dataDir)

  program.kill('SIGINT')

  expect(await program.exited).toBe(0)
  const steps = program
    .output()
    .split('\n')
    .slice(-4)
    .map((line) => line.replace(/^.* s {2}/, ''))
  expect(steps).toEqual(['API: stopped', 'worker: stopped', 'webhooks: stopped', 'Redis: closed'])
  expect(isProcessAlive(server)).toBe(false)
})

test('a second Ctrl-C ends an app that does not end by itself', async () => {
  const program = await start({ api: 'stubborn-app.ts' })
  const api = readAppProcess(await program.line(/API: ready/))
  program.kill('SIGINT')
  await program.line(/stubborn app: got SIGTERM/)

  // the second one counts once it can't be the echo of the first
  await vi.waitFor(
    () => {
      program.kill('SIGINT')
      expect(isProcessAlive(api)).toBe(false)
    },
    { timeout: 10_000, interval: 50 },
  )

  expect(await program.exited).toBe(130)
  expect(isProcessAlive(readServer(program.dataDir))).toBe(false)
})

test('an app that dies is started again, each time later, and that is said', async () => {
  const program = await start({ worker: 'crashing-app.ts' })

  await program.line(/worker: ended with exit code 3; starting it again in 0\.25 s/)
  await program.line(/worker: ended with exit code 3; starting it again in 0\.5 s/)
  await program.line(/worker: ended with exit code 3; starting it again in 1 s/)

  // ending does not wait for a restart that is due
  program.kill('SIGTERM')
  expect(await program.exited).toBe(0)
})

test.each(['API', 'worker', 'webhooks'])('an app that was killed is back at once: %s', async (app) => {
  const program = await start()
  const line = await program.line(new RegExp(`${app}: ready`))

  process.kill(Number(/pid (\d+)/.exec(line)?.[1]), 'SIGKILL')

  await program.line(new RegExp(`${app}: was ended by SIGKILL; starting it again in 0\\.25 s`))
  await program.line(new RegExp(`${app}: ready on pid (?!${/pid (\d+)/.exec(line)?.[1]}$)`))
})

test('the API and the webhooks are told alike that callers without a key may use loopback, unless it is set', async () => {
  const open = await start({ api: 'telling-app.ts', webhooks: 'telling-app.ts' })
  const closed = await start({
    api: 'telling-app.ts',
    webhooks: 'telling-app.ts',
    env: { ONQUEUE_WEBHOOK_ALLOW_HTTP: 'false', ONQUEUE_WEBHOOK_ALLOWED_NETWORKS: '10.0.0.0/8' },
  })

  for (const app of ['API', 'webhooks']) {
    const ready = new RegExp(`${app}: ready`)
    expect(await open.line(ready)).toMatch(/ANONYMOUS_LOOPBACK=true$/)
    expect(await closed.line(ready)).toMatch(/ANONYMOUS_LOOPBACK=false$/)
  }
})

test('an app has an environment of its own, which a setting of the user beats', async () => {
  const unset = await start({ api: 'telling-app.ts', webhooks: 'telling-app.ts' })
  const set = await start({ webhooks: 'telling-app.ts', env: { UV_THREADPOOL_SIZE: '8' } })

  expect(await unset.line(/API: ready/)).toContain('UV_THREADPOOL_SIZE=undefined ')
  expect(await unset.line(/webhooks: ready/)).toContain('UV_THREADPOOL_SIZE=64 ')
  expect(await set.line(/webhooks: ready/)).toContain('UV_THREADPOOL_SIZE=8 ')
})

test('what keeps an app from starting is said once, and everything ends', async () => {
  const program = await start({
    api: 'refusing-app.ts',
    worker: 'refusing-app.ts',
    webhooks: 'refusing-app.ts',
  })

  expect(await program.exited).toBe(1)
  expect(program.output().match(/LOG_LEVEL must be a level, not "loud"\./g)).toHaveLength(1)
  expect(program.output()).not.toMatch(/starting it again/)
  expect(isProcessAlive(readServer(program.dataDir))).toBe(false)
})

test('a setting that is wrong is one sentence, before anything is started', async () => {
  const program = await start({ env: { PORT: 'abc' } })

  expect(await program.exited).toBe(1)
  expect(program.output()).toBe(
    'PORT must be a port number from 1 to 65535, not "abc": correct it and start again.',
  )
})

test.each(['PORT', 'ONQUEUE_WEBHOOKS_HEALTH_PORT'])(
  'a port in use (%s) is one sentence, before anything is started',
  async (setting) => {
    const port = await pickPort()
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())

    const program = await start({ env: { [setting]: String(port) } })

    const other = `${setting}=${port + 10}`
    expect(await program.exited).toBe(1)
    expect(program.output()).toBe(
      `Port ${port} (${setting}) is in use. Type "${other} npm start", or write ${other} into .env, to use another one.`,
    )
  },
)

test('a REDIS_URL where nothing answers is one sentence', async () => {
  const env = { REDIS_URL: `redis://127.0.0.1:${await pickPort()}` }
  const program = await start({ env })

  expect(await program.exited).toBe(1)
  expect(program.output()).toMatch(/^No Redis answers at 127\.0\.0\.1:\d+ .*$/)
})

test('the apps end when the supervisor was killed, and the next start adopts its Redis', async () => {
  const killed = await start()
  const lines = await Promise.all([/API: ready/, /worker: ready/, /webhooks: ready/].map(killed.line))
  const apps = lines.map(readAppProcess)
  const server = readServer(killed.dataDir)

  killed.kill('SIGKILL')
  for (const app of apps) await untilGone(app)
  const next = await start({ env: { ONQUEUE_DATA_DIR: killed.dataDir } })

  expect(await next.line(/Redis: 7\./)).toContain('adopted')
  expect(readServer(killed.dataDir)).toBe(server)
  next.kill('SIGTERM')
  expect(await next.exited).toBe(0)
  expect(isProcessAlive(server)).toBe(false)
})

test('an embedded Redis that dies is started again at the same address', async () => {
  const program = await start()
  await program.line(/API: ready/)
  const url = readLockFile(join(program.dataDir, 'redis'))?.url ?? ''

  process.kill(Number.parseInt(readServer(program.dataDir), 10), 'SIGKILL')

  await program.line(/Redis: gone; starting it again in 0\.25 s/)
  await vi.waitFor(() => probeRedis(url), { timeout: 10_000, interval: 10 })
})
