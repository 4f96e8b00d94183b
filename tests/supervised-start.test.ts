// `npm start` with stand-ins for the apps: what it prints, starts again, refuses and ends.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { pickPort } from '../scripts/ports.ts'
import { identifyProcess, isProcessAlive } from '../scripts/presence.mjs'
import { readLockFile } from '../scripts/redis/lock-file.ts'
import { openRedis } from '../scripts/redis/open-redis.ts'
import { probeRedis } from '../scripts/redis/probe-redis.ts'
import { type RunningProgram, runForTest } from './running-program.ts'

type Started = RunningProgram & { port: number; dataDir: string }

const start = async ({
  api,
  worker,
  env = {},
}: {
  api: string
  worker: string
  env?: NodeJS.ProcessEnv
}): Promise<Started> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'onqueue-start-'))
  const port = await pickPort()
  const program = runForTest(process.execPath, ['scripts/fixtures/start-fixtures.ts', api, worker], {
    env: {
      REDIS_URL: '',
      PORT: String(port),
      ONQUEUE_API_HEALTH_PORT: String(await pickPort()),
      ONQUEUE_WORKER_HEALTH_PORT: String(await pickPort()),
      ONQUEUE_DATA_DIR: dataDir,
      ...env,
    },
  })
  onTestFinished(async () => {
    program.kill('SIGKILL')
    await program.exited
    await endRedis(dataDir).catch(() => {
      // It died before.
    })
    rmSync(dataDir, { recursive: true, force: true })
  })
  return { ...program, port, dataDir }
}

/** What a program that was killed leaves behind: whoever adopts it may end it. */
const endRedis = async (dataDir: string): Promise<void> => {
  if (readLockFile(join(dataDir, 'redis')) === undefined) return
  const redis = await openRedis({ dataDir, env: {}, log: { info: () => {}, debug: () => {} }, sources: [] })
  await redis.close()
}

const readServer = (dataDir: string): string => {
  const runsAs = readLockFile(join(dataDir, 'redis'))?.server?.runsAs
  return runsAs?.kind === 'process' ? runsAs.process : ''
}

/** The process whose pid an idle app said when it was ready. */
const readAppProcess = (line: string): string => identifyProcess(Number(/pid (\d+)/.exec(line)?.[1])) ?? ''

const untilGone = (identity: string) =>
  vi.waitFor(() => expect(isProcessAlive(identity)).toBe(false), { timeout: 10_000, interval: 10 })

test('when the model is there, the address and a request to paste are printed', async () => {
  const program = await start({ api: 'serving-app.ts', worker: 'idle-app.ts' })

  expect(await program.line(/^curl/)).toBe(
    `curl -X POST http://127.0.0.1:${program.port}/v1/models/demo-classifier/predict -H 'content-type: application/json' -d '{"features":[1,-0.5]}'`,
  )
  expect(await program.line(/Redis: 7\./)).toContain(`data in ${program.dataDir}/redis`)
  expect(await program.line(/OnQueue: demo-classifier is ready/)).toContain(
    `http://127.0.0.1:${program.port}`,
  )
})

test('Ctrl-C stops the API, then the worker, then Redis, and is a success', async () => {
  const program = await start({ api: 'idle-app.ts', worker: 'idle-app.ts' })
  await Promise.all([program.line(/API: ready/), program.line(/worker: ready/)])
  const server = readServer(program.dataDir)

  program.kill('SIGINT')

  expect(await program.exited).toBe(0)
  const steps = program
    .output()
    .split('\n')
    .slice(-3)
    .map((line) => line.replace(/^.* s {2}/, ''))
  expect(steps).toEqual(['API: stopped', 'worker: stopped', 'Redis: closed'])
  expect(isProcessAlive(server)).toBe(false)
})

test('a second Ctrl-C ends an app that does not end by itself', async () => {
  const program = await start({ api: 'stubborn-app.ts', worker: 'idle-app.ts' })
  const api = readAppProcess(await program.line(/API: ready/))
  program.kill('SIGINT')
  await program.line(/stubborn app: got SIGTERM/)

  // The second one counts once it can't be the echo of the first.
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
  const program = await start({ api: 'idle-app.ts', worker: 'crashing-app.ts' })

  await program.line(/worker: ended with exit code 3; starting it again in 0\.25 s/)
  await program.line(/worker: ended with exit code 3; starting it again in 0\.5 s/)
  await program.line(/worker: ended with exit code 3; starting it again in 1 s/)

  // Ending does not wait for a restart that is due.
  program.kill('SIGTERM')
  expect(await program.exited).toBe(0)
})

test('an app that was killed is back at once', async () => {
  const program = await start({ api: 'idle-app.ts', worker: 'idle-app.ts' })
  const line = await program.line(/API: ready/)

  process.kill(Number(/pid (\d+)/.exec(line)?.[1]), 'SIGKILL')

  await program.line(/API: was ended by SIGKILL; starting it again in 0\.25 s/)
  await program.line(new RegExp(`API: ready on pid (?!${/pid (\d+)/.exec(line)?.[1]}$)`))
})

test('what keeps an app from starting is said once, and everything ends', async () => {
  const program = await start({ api: 'refusing-app.ts', worker: 'refusing-app.ts' })

  expect(await program.exited).toBe(1)
  expect(program.output().match(/LOG_LEVEL must be a level, not "loud"\./g)).toHaveLength(1)
  expect(program.output()).not.toMatch(/starting it again/)
  expect(isProcessAlive(readServer(program.dataDir))).toBe(false)
})

test('a setting that is wrong is one sentence, before anything is started', async () => {
  const program = await start({ api: 'idle-app.ts', worker: 'idle-app.ts', env: { PORT: 'abc' } })

  expect(await program.exited).toBe(1)
  expect(program.output()).toBe(
    'PORT must be a port number from 1 to 65535, not "abc": correct it and start again.',
  )
})

test('a port in use is one sentence, before anything is started', async () => {
  const port = await pickPort()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())

  const program = await start({ api: 'idle-app.ts', worker: 'idle-app.ts', env: { PORT: String(port) } })

  expect(await program.exited).toBe(1)
  expect(program.output()).toBe(
    `Port ${port} (PORT) is in use. Type "PORT=${port + 10} npm start" to use another one.`,
  )
})

test('a REDIS_URL where nothing answers is one sentence', async () => {
  const env = { REDIS_URL: `redis://127.0.0.1:${await pickPort()}` }
  const program = await start({ api: 'idle-app.ts', worker: 'idle-app.ts', env })

  expect(await program.exited).toBe(1)
  expect(program.output()).toMatch(/^No Redis answers at 127\.0\.0\.1:\d+ .*$/)
})

test('the apps end when the supervisor was killed, and the next start adopts its Redis', async () => {
  const killed = await start({ api: 'idle-app.ts', worker: 'idle-app.ts' })
  const apps = [await killed.line(/API: ready/), await killed.line(/worker: ready/)].map(readAppProcess)
  const server = readServer(killed.dataDir)

  killed.kill('SIGKILL')
  for (const app of apps) await untilGone(app)
  const next = await start({
    api: 'idle-app.ts',
    worker: 'idle-app.ts',
    env: { ONQUEUE_DATA_DIR: killed.dataDir },
  })

  expect(await next.line(/Redis: 7\./)).toContain('adopted')
  expect(readServer(killed.dataDir)).toBe(server)
  next.kill('SIGTERM')
  expect(await next.exited).toBe(0)
  expect(isProcessAlive(server)).toBe(false)
})

test('an embedded Redis that dies is started again at the same address', async () => {
  const program = await start({ api: 'idle-app.ts', worker: 'idle-app.ts' })
  await program.line(/API: ready/)
  const url = readLockFile(join(program.dataDir, 'redis'))?.url ?? ''

  process.kill(Number.parseInt(readServer(program.dataDir), 10), 'SIGKILL')

  await program.line(/Redis: gone; starting it again in 0\.25 s/)
  await vi.waitFor(() => probeRedis(url), { timeout: 10_000, interval: 10 })
})
