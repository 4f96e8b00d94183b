import { modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openPackIn } from './support/open-pack.ts'
import { executorsOf, signalAll } from './support/processes.ts'
import { startOneOfEach } from './support/one-of-each.ts'
import type { OneOfEach } from './support/one-of-each.ts'
import { testModel } from './support/stack.ts'

/** Packs, as an API leaves them that makes some: eight predictions that share a job. */
let oneOfEach: OneOfEach

beforeAll(async () => {
  oneOfEach = await startOneOfEach({ models: [testModel('crashes')] })
  await oneOfEach.stack.client.untilReady(3)
})
afterAll(() => oneOfEach.close())

const poll = async (id: string | undefined) =>
  (await oneOfEach.stack.client.get(`/v1/predictions/${id}`)).body
const pollAll = (ids: string[]) => Promise.all(ids.map(poll))
const untilFinal = (ids: string[]) =>
  Promise.all(ids.map(async (id) => (await oneOfEach.stack.client.untilFinal(id)).body))
const succeeded = (output: unknown) => ({ status: 'succeeded', output, error: null })
const keysOf = (model: string) => modelKeys(oneOfEach.stack.prefix, model)

/** While its executor is frozen a model runs nothing. */
const withFrozenExecutors = async (model: string, body: () => Promise<void>) => {
  const executors = await executorsOf(oneOfEach.worker.pid, model)
  expect(executors.length).toBeGreaterThan(0)
  signalAll(executors, 'SIGSTOP')
  try {
    await body()
  } finally {
    signalAll(executors, 'SIGCONT')
  }
}

test('each prediction of a pack ends by itself, and the one that fails fails alone', async () => {
  const inputs = [0, 1, 2, 99, 4, 5, 6, 7].map((i) => ({ input: { i } }))
  const { ids, packId } = await openPackIn(oneOfEach.stack, 'throws', inputs)

  const ended = await untilFinal(ids)

  expect(ended.map(({ status }) => status)).toEqual(
    [0, 1, 2, 99, 4, 5, 6, 7].map((i) => (i === 99 ? 'failed' : 'succeeded')),
  )
  expect(ended.map(({ id, input }) => [id, input])).toEqual(
    ids.map((id, index) => [id, inputs[index]?.input]),
  )
  await expect
    .poll(() => oneOfEach.stack.redis.zscore(keysOf('throws').queue('completed'), packId))
    .not.toBe(null)
  expect(Number(await oneOfEach.stack.redis.get(keysOf('throws').extraRows))).toBe(0)
})

test('a row that ends its executor takes no other of its pack along', { timeout: 90_000 }, async () => {
  const inputs = [0, 1, 2, 999, 4, 5, 6, 7].map((i) => ({ input: { i } }))
  const { ids } = await openPackIn(oneOfEach.stack, 'crashes', inputs)

  const ended = await untilFinal(ids)

  expect(ended.filter(({ status }) => status === 'succeeded').length).toBe(7)
  expect(ended[3]).toMatchObject({ status: 'failed', error: { code: 'executor_crashed' } })
})

test('one that is canceled is final at once, those beside it run, and one whose deadline passes expires', async () => {
  const { client, redis } = oneOfEach.stack
  await withFrozenExecutors('patient', async () => {
    // what the executor has already is not held back
    await openPackIn(oneOfEach.stack, 'patient', [{ input: { n: [1] } }])
    const { ids, packId } = await openPackIn(oneOfEach.stack, 'patient', [
      { input: { n: [1] } },
      { input: { n: [2] } },
      { input: { n: [3] }, deadline: (await timeOf()) + 300 },
      { input: { n: [4] } },
    ])
    await client.untilTaken(ids[0] ?? '')
    const canceled = await client.call('POST', `/v1/predictions/${ids[1]}/cancel`)

    expect(canceled.body).toMatchObject({ status: 'canceled' })
    expect((await pollAll(ids)).map(({ status }) => status)).toContain('processing')
    expect((await client.untilFinal(ids[2] ?? '')).body.status).toMatch(/expired|canceled/)
    signalAll(await executorsOf(oneOfEach.worker.pid, 'patient'), 'SIGCONT')

    const ended = await untilFinal(ids)
    expect(ended[0]).toMatchObject(succeeded({ y: 1 }))
    expect(ended[1]).toEqual(canceled.body)
    expect(ended[3]).toMatchObject(succeeded({ y: 4 }))
    await expect.poll(() => redis.zscore(keysOf('patient').queue('completed'), packId)).not.toBe(null)
  })
})

const timeOf = async () => Number((await oneOfEach.stack.redis.time())[0]) * 1000

test('the predictions of packs are listed each, over pages, in both directions', async () => {
  const { client } = oneOfEach.stack
  const owned = { createdAt: 1000 }
  const first = await openPackIn(oneOfEach.stack, 'throws', many(30), owned)
  const second = await openPackIn(oneOfEach.stack, 'throws', many(5), { createdAt: 2000 })
  const newestFirst = [...second.ids.toReversed(), ...first.ids.toReversed()]
  const page = async (path: string) => {
    const { body } = await client.get(path)
    return { ids: body.results.map(({ id }: { id: string }) => id), next: body.next, previous: body.previous }
  }

  const list = '/v1/predictions?model=throws&created_before=1970-01-01T00:00:03Z&limit=9'
  const pages = [await page(list)]
  for (let { next } = pages[0] ?? { next: null }; next; next = pages.at(-1)?.next)
    pages.push(await page(pathOf(next)))

  expect(pages.map(({ ids }) => ids.length)).toEqual([9, 9, 9, 8])
  expect(pages.flatMap(({ ids }) => ids)).toEqual(newestFirst)
  const back = await page(pathOf(pages[2]?.previous))
  expect(back.ids).toEqual(pages[1]?.ids)
  expect((await page(pathOf(back.previous))).ids).toEqual(pages[0]?.ids)
})

const many = (count: number) => Array.from({ length: count }, (_, i) => ({ input: { i: i % 9 } }))
const pathOf = (url: string | null | undefined) => (url ?? '').replace(/^https?:\/\/[^/]+/, '')

test('one that is deleted is gone, and with the last one the pack', async () => {
  const { client, redis } = oneOfEach.stack
  const keys = keysOf('throws')
  const { ids, packId } = await openPackIn(oneOfEach.stack, 'throws', many(3))
  await untilFinal(ids)
  await expect.poll(() => redis.zscore(keys.queue('completed'), packId)).not.toBe(null)

  const remove = (id = '') => client.call('DELETE', `/v1/predictions/${id}`)
  expect((await remove(ids[1])).status).toBe(204)
  expect((await client.get(`/v1/predictions/${ids[1]}`)).status).toBe(404)
  expect((await pollAll([ids[0] ?? '', ids[2] ?? ''])).map(({ status }) => status)).toEqual([
    'succeeded',
    'succeeded',
  ])
  expect(Object.keys(await redis.hgetall(keys.pack(packId)))).not.toContain('i02')

  await Promise.all([remove(ids[0]), remove(ids[2])])
  expect(await redis.exists(keys.pack(packId), keys.queue(packId))).toBe(0)
  expect(await redis.zscore(keys.index('anonymous'), packId)).toBe(null)
})

test('each that asked for a webhook is told of, with its own result', async () => {
  const { receiver } = oneOfEach
  const told = (i: number, events: ('start' | 'completed')[]) => ({
    input: { i },
    webhook: { url: `${receiver.url}/pack-${i}`, events, payload: 'full' as const },
  })
  const { ids } = await openPackIn(oneOfEach.stack, 'throws', [
    told(1, ['completed']),
    { input: { i: 2 } },
    told(3, ['start', 'completed']),
  ])

  const completed = () =>
    receiver.received.filter(({ path, body }) => path.startsWith('/pack-') && body.status === 'succeeded')
  await vi.waitFor(() => expect(completed().length).toBe(2), 10_000)

  const bodies = completed().map(({ path, body }) => [path, body.id, body.input])
  expect(bodies.toSorted(([a], [b]) => (a < b ? -1 : 1))).toEqual([
    ['/pack-1', ids[0], { i: 1 }],
    ['/pack-3', ids[2], { i: 3 }],
  ])
})

test('who follows one is told of its end', async () => {
  const { client } = oneOfEach.stack
  const { ids } = await openPackIn(oneOfEach.stack, 'patient', [
    { input: { n: [1] } },
    { input: { n: [400] } },
  ])

  const { status, text } = await client.get(`/v1/predictions/${ids[1]}/events`)

  expect(status).toBe(200)
  expect(text).toContain('"status":"succeeded"')
})

test('a pack for a version that no worker has is put off as one job, and its predictions stay in line', async () => {
  const { redis } = oneOfEach.stack
  const delayed = keysOf('throws').queue('delayed')
  const { ids, packId } = await openPackIn(oneOfEach.stack, 'throws', many(3), { digest: 'another' })

  await expect.poll(() => redis.zrange(delayed, '0', '-1')).toEqual([packId])

  expect((await pollAll(ids)).map(({ status }) => status)).toEqual(['queued', 'queued', 'queued'])
  await Promise.all(ids.map((id) => oneOfEach.stack.client.call('POST', `/v1/predictions/${id}/cancel`)))
  await expect.poll(() => redis.zscore(keysOf('throws').queue('completed'), packId)).not.toBe(null)
})
