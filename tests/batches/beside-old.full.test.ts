import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loopbackWebhooks, startReceiver } from '../support/receiver.ts'
import type { Receiver } from '../support/receiver.ts'
import { shippedModel, startStack } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'
import { createBatcher } from './batcher.ts'
import type { Batcher } from './batcher.ts'
import { makeFlowers } from './flowers.ts'
import { makeOldCheckout } from './old-checkout.ts'
import { untilWritten } from './unfinished-parts.ts'

/** The release that knows no batches, as a commit that is here: `ONQUEUE_TEST_OLD=v0.1.0`. */
const commit = process.env['ONQUEUE_TEST_OLD'] ?? ''

describe.skipIf(commit === '')(`processes of ${commit}, beside those of today while batches run`, () => {
  let old: Stack
  let stack: Stack
  let batcher: Batcher
  let receiver: Receiver
  let worker: StackProcess
  let olds: StackProcess[]
  let storage: string
  let remove: () => Promise<void>

  const flowers = makeFlowers(8_000)

  beforeAll(async () => {
    const made = await makeOldCheckout(commit)
    ;({ remove } = made)
    storage = await mkdtemp(join(tmpdir(), 'onqueue-storage-'))
    receiver = await startReceiver()
    const options = {
      models: [shippedModel('iris')],
      environment: {
        ...loopbackWebhooks,
        ONQUEUE_STORAGE: storage,
        ONQUEUE_BATCH_EXECUTORS: '1',
        ONQUEUE_SECRET: 'the-secret-of-tests-beside-old-processes',
      },
    }
    old = await startStack({ ...options, checkout: made.checkout })
    stack = await startStack({ ...options, prefix: old.prefix, workers: 0 })
    olds = [old.api, ...old.workers, await old.startWebhooks()]
    worker = await stack.startWorker()
    await stack.startWebhooks()
    batcher = createBatcher(stack.url)
  }, 180_000)
  afterAll(async () => {
    await old.close()
    await stack.close()
    await receiver.close()
    await rm(storage, { recursive: true })
    await remove()
  }, 180_000)

  const submit = async () => {
    const query = `?id_column=name&webhook=${encodeURIComponent(receiver.url)}`
    const { status, body } = await batcher.submit('iris', flowers.csv, { format: 'csv', query })
    expect(status).toBe(202)
    return String(body.id)
  }
  const input = { features: [5.1, 3.5, 1.4, 0.2] }
  /** What becomes of predictions that are made with both, half of them with each. */
  const predictWithBoth = async () => {
    const clients = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? old : stack).client)
    const answers = await Promise.all(clients.map((client) => client.predict('iris', input)))
    return new Set(answers.map(({ body }) => body.prediction))
  }
  const complaints = () => olds.flatMap((one) => one.log().match(/^.*"level":[456]0.*$/gm) ?? [])
  const told = (id: string) => receiver.received.filter(({ body }) => body.id === id)

  test('batches run beside predictions, old workers take none of their chunks, and nobody complains', async () => {
    await expect.poll(async () => (await stack.client.get('/v1/models/iris')).body.workers).toBe(2)
    const id = await submit()
    const predicted = await predictWithBoth()
    const ended = await batcher.untilEnded(id, { timeoutMs: 60_000 })
    const unknown = await createBatcher(old.url).get(`/v1/batches/${id}`)

    expect(predicted).toEqual(new Set(['setosa']))
    expect(ended).toMatchObject({ status: 'completed', counts: { completed: 8000, failed: 0 } })
    expect(unknown.status).toBe(404)
    expect(complaints()).toEqual([])
    // those who would lose it are there
    expect(told(id)).toEqual([])
  })

  test('after a roll-back in the middle of a batch old ones go on, and the batch does when new ones are back', async () => {
    const written = untilWritten(storage, { part: /out~00000001/, bytes: 1 })
    const id = await submit()
    await written
    await worker.stop()
    await expect.poll(async () => (await stack.client.get('/v1/models/iris')).body.workers).toBe(1)

    const predicted = await predictWithBoth()
    const { body: waiting } = await batcher.get(`/v1/batches/${id}`)
    worker = await stack.startWorker()
    const ended = await batcher.untilEnded(id, { timeoutMs: 60_000 })

    expect(predicted).toEqual(new Set(['setosa']))
    expect(waiting).toMatchObject({ completed_at: null })
    expect(ended).toMatchObject({ status: 'completed', counts: { completed: 8000, failed: 0 } })
    expect(complaints()).toEqual([])
  })

  test('the ends of batches are told when the old ones are gone', async () => {
    await Promise.all(olds.map((one) => one.stop()))

    const { body } = await batcher.get('/v1/batches')
    for (const { id } of body.results) await expect.poll(() => told(id).length, { timeout: 60_000 }).toBe(1)
    expect(body.results).toHaveLength(2)
  })
})
