import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { createLogger, createOutcomeWriter, readModel } from '@onqueue/shared'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { readModelRepository } from '../repository/read-model-repository.ts'
import { childProcesses } from '../serving/fixtures/child-processes.ts'
import { openModels } from './open-models.ts'
import type { Models } from './open-models.ts'

const throws = fileURLToPath(new URL('../../../../tests/models/throws/model.onnx', import.meta.url))
const namespace = `open-models-test-${process.pid}`
let redis: Redis
let modelsDir: string
let models: Models

beforeEach(async () => {
  redis = new Redis(inject('redisUrl'), { maxRetriesPerRequest: null })
  modelsDir = await mkdtemp(join(tmpdir(), 'onqueue-models-'))
  models = openModels({
    redis,
    namespace,
    clock: Date.now,
    modelsDir,
    links: ['/proc'],
    demand: 'default',
    cores: 1,
    ownExecutors: Infinity,
    versionPatienceMs: 60_000,
    outcomes: createOutcomeWriter({ redis, namespace }),
    events: {
      predictionEnded: () => undefined,
      microBatchRan: () => undefined,
      executorDied: () => undefined,
      lossFound: () => undefined,
    },
    log: createLogger({ service: 'test', level: 'silent' }),
  })
})
afterEach(async () => {
  await models.close(0)
  expect(await childProcesses()).toEqual([])
  await leaveRedis(redis, namespace)
  await rm(modelsDir, { recursive: true })
})

const shown = async () => {
  const { versions } = await readModel({ redis, namespace }, 'iris')
  return versions.map(({ version, status, reason }) => ({ version, status, reason }))
}
const soon = <T>(look: () => T) => expect.poll(look, { timeout: 20_000, interval: 20 })

test('a model that the machine could not read is told as loading, then as unavailable, and served when it can be read', async () => {
  const file = join(modelsDir, 'iris/2/model.onnx')
  await mkdir(join(modelsDir, 'iris/2'), { recursive: true })
  // is there, and fails to be read, as on a disk that fails
  await symlink('/proc/self/mem', file)
  const why = /^it can't be read for now: EIO: i\/o error, read; (one try has|\d+ tries in a row have) failed/

  expect(models.serve(await readModelRepository(modelsDir, { links: ['/proc'] }))).toEqual(['iris'])
  const atFirst = models.versions()
  await soon(shown).toMatchObject([
    { version: '2', status: 'loading', reason: expect.stringMatching(/; \d tries in a row have failed/) },
  ])
  const notReady = await models.whyNotReady()
  await soon(shown).toMatchObject([
    {
      version: '2',
      status: 'unavailable',
      reason: expect.stringMatching(/; [5-9] tries in a row have failed/),
    },
  ])

  await rm(file)
  await copyFile(throws, file)

  expect(atFirst).toMatchObject([{ model: 'iris', version: '2', status: 'loading' }])
  expect(atFirst[0]?.reason).toMatch(why)
  expect(notReady).toEqual([expect.stringMatching(/^version 2 of iris is loading: it can't be read for now/)])
  await soon(() => models.whyNotReady()).toEqual([])
  expect(models.versions()).toMatchObject([{ version: '2', status: 'ready', reason: null }])
  await soon(shown).toEqual([{ version: '2', status: 'ready', reason: null }])
  expect(await redis.hlen(`${namespace}:{iris}:cards`)).toBe(1)
})
