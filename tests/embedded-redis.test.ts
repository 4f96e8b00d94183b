import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test, vi } from 'vitest'
import { identifyProcess, isProcessAlive } from '../scripts/bootstrap/presence.mjs'
import { readLockFile, writeLockFile } from '../scripts/redis/lock-file.ts'
import { openRedis } from '../scripts/redis/open-redis.ts'
import type { OpenedRedis, OpenOptions } from '../scripts/redis/open-redis.ts'
import { findOnPath } from '../scripts/redis/run-program.ts'
import { startTestRedis } from '../scripts/redis/start-test-redis.ts'
import { pickPort } from '../scripts/redis/ports.ts'
import { runForTest } from './support/running-program.ts'

const makeDataDir = () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'onqueue-data-'))
  onTestFinished(() => rmSync(dataDir, { recursive: true }))
  return dataDir
}

const open = async (dataDir: string, options: Partial<OpenOptions> = {}): Promise<OpenedRedis> => {
  const redis = await openRedis({
    dataDir,
    env: { PATH: process.env.PATH },
    log: { info: () => {}, debug: () => {} },
    // not Docker: these tests look at processes
    sources: ['path', 'packages'],
    ...options,
  })
  onTestFinished(() => redis.close())
  return redis
}

const connect = (url: string): Redis => {
  const redis = new Redis(url, { retryStrategy: () => null })
  redis.on('error', () => {
    // the command that fails tells
  })
  onTestFinished(() => redis.disconnect())
  return redis
}

/** Pid and start time of a data folder's Redis. */
const readServerProcess = (dataDir: string) => {
  const runsAs = readLockFile(join(dataDir, 'redis'))?.server?.runsAs
  return runsAs?.kind === 'process' ? runsAs.process : ''
}

const killServer = (dataDir: string) =>
  process.kill(Number.parseInt(readServerProcess(dataDir), 10), 'SIGKILL')

test('the embedded Redis keeps its data on disk, evicts nothing, and listens on loopback with a password', async () => {
  const { url } = await open(makeDataDir(), { maxmemoryBytes: 64 * 1024 * 1024 })

  const redis = connect(url)
  const read = async (name: string) => (await redis.config('GET', name)).at(1)
  expect(await read('appendonly')).toBe('yes')
  expect(await read('appendfsync')).toBe('everysec')
  expect(await read('maxmemory')).toBe(String(64 * 1024 * 1024))
  expect(await read('maxmemory-policy')).toBe('noeviction')
  expect(await read('bind')).toBe('127.0.0.1')
  const { port } = new URL(url)
  await expect(connect(`redis://127.0.0.1:${port}`).ping()).rejects.toThrow('NOAUTH')
})

test('a Redis that is alive is adopted, and ends with the last one who closes it', async () => {
  const dataDir = makeDataDir()
  const first = await open(dataDir)
  const server = readServerProcess(dataDir)

  const second = await open(dataDir)
  expect(second.url).toBe(first.url)
  expect(readServerProcess(dataDir)).toBe(server)

  await first.close()
  expect(isProcessAlive(server)).toBe(true)
  await second.close()
  expect(isProcessAlive(server)).toBe(false)
  expect(existsSync(join(dataDir, 'redis/lock.json'))).toBe(false)
})

test('a Redis that was killed is replaced at the same address, with its data', async () => {
  const dataDir = makeDataDir()
  const first = await open(dataDir)
  await connect(first.url).set('row', '7')

  killServer(dataDir)
  await first.lost
  const second = await open(dataDir)

  expect(second.url).toBe(first.url)
  expect(await connect(second.url).get('row')).toBe('7')
})

test('data outlives an orderly end', async () => {
  const dataDir = makeDataDir()
  const first = await open(dataDir)
  await connect(first.url).set('row', '7')
  await first.close()

  const second = await open(dataDir)

  expect(await connect(second.url).get('row')).toBe('7')
})

test('two programs and two callers that open at the same moment get one server', async () => {
  const dataDir = makeDataDir()
  const holders = [1, 2].map(() =>
    runForTest(process.execPath, ['scripts/redis/fixtures/hold-redis.ts', dataDir]),
  )

  const [here, alsoHere, ...there] = await Promise.all([
    open(dataDir),
    open(dataDir),
    ...holders.map((holder) => holder.line(/^open /)),
  ])

  const server = readServerProcess(dataDir)
  expect(alsoHere.url).toBe(here.url)
  expect(there).toEqual([`open ${here.url}`, `open ${here.url}`])

  await Promise.all([here.close(), alsoHere.close()])
  expect(isProcessAlive(server)).toBe(true)
  for (const holder of holders) holder.kill('SIGTERM')
  expect(await Promise.all(holders.map((holder) => holder.exited))).toEqual([0, 0])
  expect(isProcessAlive(server)).toBe(false)
})

test('the Redis of a program that was killed goes on, and the next one adopts it', async () => {
  const dataDir = makeDataDir()
  const holder = runForTest(process.execPath, ['scripts/redis/fixtures/hold-redis.ts', dataDir])
  const line = await holder.line(/^open /)
  const server = readServerProcess(dataDir)
  holder.kill('SIGKILL')
  expect(await holder.exited).toBe('SIGKILL')

  const redis = await open(dataDir)

  expect(`open ${redis.url}`).toBe(line)
  expect(readServerProcess(dataDir)).toBe(server)
  await redis.close()
  expect(isProcessAlive(server)).toBe(false)
})

test('a start that was cut short before it could write down the process is found by its address', async () => {
  const dataDir = makeDataDir()
  const first = await open(dataDir)
  const server = readServerProcess(dataDir)
  writeLockFile(join(dataDir, 'redis'), { url: first.url })

  const second = await open(dataDir)

  expect(second.url).toBe(first.url)
  expect(readServerProcess(dataDir)).toBe(server)
})

test('a lock whose pid now belongs to another process is not trusted', async () => {
  const dataDir = makeDataDir()
  const folder = join(dataDir, 'redis')
  const url = `redis://:secret@127.0.0.1:${await pickPort()}`
  await (await open(dataDir)).close()
  const reused = `${process.pid}-1`
  writeLockFile(folder, {
    url,
    server: { url, version: '7.0.15', origin: '', runsAs: { kind: 'process', process: reused } },
  })

  const redis = await open(dataDir)

  expect(await connect(redis.url).ping()).toBe('PONG')
  expect(readServerProcess(dataDir)).not.toBe(reused)
  expect(readServerProcess(dataDir)).not.toBe(identifyProcess(process.pid))
})

test('a lock that cannot be read is as good as none', async () => {
  const dataDir = makeDataDir()
  await (await open(dataDir)).close()
  writeFileSync(join(dataDir, 'redis/lock.json'), '{"url": 7')

  const redis = await open(dataDir)

  expect(await connect(redis.url).ping()).toBe('PONG')
})

test('closing twice is closing once', async () => {
  const redis = await open(makeDataDir())

  await Promise.all([redis.close(), redis.close()])
  await redis.close()

  await expect(connect(redis.url).ping()).rejects.toThrow(/ECONNREFUSED|closed/)
})

test.runIf(findOnPath('apt-get', process.env.PATH))(
  "without a Redis on the PATH the distribution's packages serve",
  async () => {
    const log = { info: () => {}, debug: vi.fn<(sentence: string) => void>() }
    const bare = mkdtempSync(join(tmpdir(), 'onqueue-path-'))
    onTestFinished(() => rmSync(bare, { recursive: true }))
    const dataDir = makeDataDir()

    const fromPath = open(dataDir, { log, sources: ['path'], env: { PATH: bare } })
    await expect(fromPath).rejects.toThrow(/no redis-server; no valkey-server/)
    expect(log.debug).toHaveBeenCalledWith('not from path: no redis-server; no valkey-server')

    const redis = await open(dataDir, { sources: ['packages'] })
    expect(redis.description).toContain("redis-server of the distribution's packages")
    expect(await connect(redis.url).ping()).toBe('PONG')
  },
)

test('without any source the error says what was tried and what to type', async () => {
  const env = { PATH: '' }

  await expect(open(makeDataDir(), { env, sources: ['path', 'docker', 'packages'] })).rejects.toThrow(
    /^No Redis could be started \(path: no redis-server; no valkey-server \| docker: no docker \| packages: no apt-get\)\. .*REDIS_URL/,
  )
})

test('a REDIS_URL where nothing answers is one sentence', async () => {
  const port = await pickPort()

  await expect(
    open(makeDataDir(), { env: { REDIS_URL: `redis://:hush@127.0.0.1:${port}` } }),
  ).rejects.toThrow(
    new RegExp(
      `^No Redis answers at 127\\.0\\.0\\.1:${port} \\(connect ECONNREFUSED 127\\.0\\.0\\.1:${port}\\): start it or correct REDIS_URL; without REDIS_URL, npm start runs a Redis of its own\\.$`,
    ),
  )
})

test('a REDIS_URL that answers is used and left running', async () => {
  const given = await startTestRedis()
  onTestFinished(given.close)

  const redis = await open(makeDataDir(), { env: { REDIS_URL: given.url } })
  await redis.close()

  expect(redis.url).toBe(given.url)
  expect(redis.description).not.toContain(new URL(given.url).password)
  expect(await connect(given.url).ping()).toBe('PONG')
})

test('a REDIS_URL with another scheme says what it must look like', async () => {
  await expect(open(makeDataDir(), { env: { REDIS_URL: 'localhost:6379' } })).rejects.toThrow(
    /^REDIS_URL must look like redis:/,
  )
})

test('a REDIS_URL with a Redis that is too old is refused', async () => {
  // no Redis 6 is to be had here; what matters is what it says of itself
  const info = '# Server\r\nredis_version:6.2.14\r\n'
  const server = createServer((socket) =>
    socket.on('data', () => socket.write(`$${info.length}\r\n${info}\r\n`)),
  )
  const port = await pickPort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())

  await expect(open(makeDataDir(), { env: { REDIS_URL: `redis://127.0.0.1:${port}` } })).rejects.toThrow(
    `The Redis at 127.0.0.1:${port} is 6.2.14, and OnQueue needs 7.0 or newer: upgrade it, or unset REDIS_URL.`,
  )
})

test("a test's Redis has the memory it was given, comes back after a crash, and leaves nothing", async () => {
  const redis = await startTestRedis({ maxmemoryBytes: 10_000_000, appendonly: true })
  onTestFinished(redis.close)
  const client = connect(redis.url)
  expect((await client.config('GET', 'maxmemory')).at(1)).toBe('10000000')
  const folder = (await client.config('GET', 'dir')).at(1)
  await client.set('row', '7')

  await redis.restart()
  expect(await connect(redis.url).get('row')).toBe('7')

  await redis.close()
  await redis.close()
  expect(existsSync(String(folder))).toBe(false)
})
