import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signalAll } from '../support/processes.ts'
import { startStack } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'
import { createBatcher } from './batcher.ts'
import type { Batcher } from './batcher.ts'
import { batchExecutorsOf, unfinishedParts, untilWritten } from './unfinished-parts.ts'

let stack: Stack
let batcher: Batcher
let storage: string

/** Chunks of eleven rows that take a moment: one is met in the middle. */
const rows = 60
const slow = `n.0,name\n${Array.from({ length: rows }, (_, row) => `${row === 25 ? 400 : 20},${'x'.repeat(100_000)}\n`).join('')}`

beforeAll(async () => {
  storage = await mkdtemp(join(tmpdir(), 'onqueue-storage-'))
  stack = await startStack({
    models: [{ name: 'slow', of: 'slow', settings: 'example: { n: [1] }\ninstances: 1\ntimeout_s: 30\n' }],
    workers: 0,
    environment: { ONQUEUE_STORAGE: storage, ONQUEUE_BATCH_EXECUTORS: '1' },
  })
  batcher = createBatcher(stack.url)
})
afterAll(async () => {
  await stack.close()
  await rm(storage, { recursive: true })
})

const submit = async (): Promise<string> => (await batcher.submit('slow', slow, { format: 'csv' })).body.id
/** Two workers load their models, at times on a busy machine. */
const inTime = { timeoutMs: 60_000 }

const look = async (id: string) => {
  const { body: batch } = await batcher.get(`/v1/batches/${id}`)
  return { batch, output: await batcher.output(id) }
}

const cases = [
  { frozen: 'worker', losesPlan: true },
  { frozen: 'worker', losesPlan: false },
  { frozen: 'worker with its executor', losesPlan: false },
]

test.each(cases)(
  'a $frozen that is frozen until another one has done its chunk changes nothing when it wakes up (plan lost: $losesPlan)',
  { timeout: 240_000 },
  async ({ frozen: who, losesPlan }) => {
    const frozen = await stack.startWorker()
    await stack.client.untilReady(1)
    const undisturbed = await submit()
    await batcher.untilEnded(undisturbed, inTime)
    let executors: number[] = []

    const written = untilWritten(storage, { part: /out~00000002/, bytes: 0 }, () => {
      if (who !== 'worker') executors = batchExecutorsOf(frozen.pid)
      signalAll([...executors, frozen.pid], 'SIGSTOP')
    })
    const id = await submit()
    await written
    expect(unfinishedParts(storage)).toHaveLength(1)
    if (losesPlan) await stack.redis.del(modelKeys(stack.prefix, 'slow').batchChunks(id))
    const other = await stack.startWorker()
    await batcher.untilEnded(id, inTime)
    const before = await look(id)
    await other.stop()
    signalAll([...executors, frozen.pid], 'SIGCONT')
    // it goes on with others
    const next = await submit()
    await batcher.untilEnded(next, inTime)

    expect(before.batch).toMatchObject({
      status: 'completed',
      counts: { total: rows, completed: rows, failed: 0, pending: 0 },
    })
    expect(before.output === (await look(undisturbed)).output).toBe(true)
    expect(await look(id)).toEqual(before)
    expect(unfinishedParts(storage)).toEqual([])
    await frozen.stop()
  },
)
