import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestRedis } from '../../scripts/redis/start-test-redis.ts'
import type { TestRedis } from '../../scripts/redis/start-test-redis.ts'
import { signalAll, untilGone } from '../support/processes.ts'
import { shippedModel, startStack } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'
import { listRedis } from '../upgrade/redis-listing.ts'
import { createBatcher } from './batcher.ts'
import type { Batcher } from './batcher.ts'
import { makeFlowers, marker } from './flowers.ts'
import { scoreDirectly } from './score-directly.ts'
import { batchExecutorsOf, unfinishedParts, untilWritten } from './unfinished-parts.ts'

let redis: TestRedis
let stack: Stack
let batcher: Batcher
let worker: StackProcess
let storage: string

const flowers = makeFlowers(20_000)

beforeAll(async () => {
  storage = await mkdtemp(join(tmpdir(), 'onqueue-storage-'))
  redis = await startTestRedis({ appendonly: true })
  stack = await startStack({
    models: [shippedModel('iris')],
    workers: 0,
    redisUrl: redis.url,
    environment: { ONQUEUE_STORAGE: storage, ONQUEUE_BATCH_EXECUTORS: '1' },
  })
  batcher = createBatcher(stack.url)
  worker = await stack.startWorker()
  await stack.client.untilReady(1)
})
afterAll(async () => {
  await stack.close()
  await redis.close()
  await rm(storage, { recursive: true })
})

const submit = async () => {
  const { status, body } = await batcher.submit('iris', flowers.csv, {
    format: 'csv',
    query: '?id_column=name',
  })
  expect(status).toBe(202)
  return String(body.id)
}

const killExecutors = () => signalAll(batchExecutorsOf(worker.pid), 'SIGKILL')
const replaceWorker = async (killed: StackProcess) => {
  worker = await stack.startWorker()
  await untilGone([killed.pid], { withinMs: 5000 })
}

let undisturbed: string

test('each row of a table has one in the output, in order, as a direct run scores it, and none is in Redis', async () => {
  const id = await submit()
  const seen: string[] = []
  for (const part of [/out~00000000/, /out~00000005/, /out~00000009/]) {
    await untilWritten(storage, { part, bytes: 1 })
    seen.push(JSON.stringify(await listRedis(stack.redis, stack.prefix)))
  }
  const ended = await batcher.untilEnded(id)
  undisturbed = await batcher.output(id)

  expect(seen).toHaveLength(3)
  for (const listing of seen) {
    expect(listing).toContain(`${id}-`)
    expect(listing).not.toContain(marker)
  }
  expect(ended).toMatchObject({
    status: 'completed',
    counts: { total: 20_000, completed: 20_000, failed: 0, pending: 0 },
  })
  const [header, ...lines] = undisturbed.trimEnd().split('\n')
  expect(header).toMatch(/^row,id,prediction,.*error_code$/)
  expect(lines).toHaveLength(20_000)
  const direct = await scoreDirectly(flowers.rows)
  const wrong = lines.filter((line, row) => {
    const [number, id_, prediction, ...others] = line.split(',')
    const isRight =
      number === String(row) && id_ === flowers.rows[row]?.name && prediction === direct[row]?.prediction
    const probabilities = direct[row]?.probabilities ?? []
    return !isRight || probabilities.some((one, place) => Math.abs(Number(others[place]) - one) > 1e-5)
  })
  expect(wrong).toEqual([])
})

/** Who is killed when a part is so long. */
type Blow = { part: RegExp; bytes: number; kill: () => void; replace?: () => Promise<void> }

const killWorker = (): Pick<Blow, 'kill' | 'replace'> => {
  let killed: StackProcess
  return {
    kill: () => {
      killed = worker
      killed.signal('SIGKILL')
    },
    replace: () => replaceWorker(killed),
  }
}

test(
  'killed in the middle of parts, workers, executors, the planner and Redis leave the same bytes',
  { timeout: 120_000 },
  async () => {
    const blows: Blow[] = [
      { part: /out~header/, bytes: 0, kill: killExecutors },
      { part: /out~00000000/, bytes: 1, kill: killExecutors },
      { part: /out~0000000[1-9]/, bytes: 1, ...killWorker() },
      {
        part: /out~0000000[3-9]/,
        bytes: 600_000,
        kill: () => redis.signal('SIGKILL'),
        replace: () => redis.restart(),
      },
      { part: /out~000000(0[4-9]|1)/, bytes: 1, ...killWorker() },
      { part: /out~000000(0[6-9]|1)/, bytes: 600_000, kill: killExecutors },
    ]
    const submitting = submit()
    for (const { part, bytes, kill, replace } of blows) {
      await untilWritten(storage, { part, bytes }, kill)
      await replace?.()
    }
    const id = await submitting
    const ended = await batcher.untilEnded(id, { timeoutMs: 60_000 })

    expect(ended).toMatchObject({
      status: 'completed',
      counts: { total: 20_000, completed: 20_000, failed: 0, pending: 0 },
    })
    const output = await batcher.output(id)
    expect(output === undisturbed).toBe(true)
    expect(await batcher.errors(id)).toEqual([])
    await expect.poll(() => unfinishedParts(storage)).toEqual([])
  },
)

test('an executor that is killed twice in one chunk leaves the same bytes, too', async () => {
  const submitting = submit()
  for (const bytes of [1, 2]) await untilWritten(storage, { part: /out~00000002/, bytes }, killExecutors)
  const id = await submitting
  await batcher.untilEnded(id)

  expect((await batcher.output(id)) === undisturbed).toBe(true)
})
