import { createHash } from 'node:crypto'
import { modelKeys, newPredictionId } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createClient } from './support/client.ts'
import type { Answer } from './support/client.ts'
import { inParallel } from './support/in-parallel.ts'
import { readMetric } from './support/metrics.ts'
import { patient } from './support/one-of-each.ts'
import { openPackIn } from './support/open-pack.ts'
import { startStack, testModel } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

/** Many predictions in one request: read, waited for, listed by their ids, canceled. */
let stack: Stack

beforeAll(async () => {
  stack = await startStack({ models: [testModel('throws'), testModel('echo'), patient] })
})
afterAll(() => stack.close())

const submitted = async (model: string, input: unknown) => {
  const { status, body } = await stack.client.submit(model, input)
  expect(status).toBe(202)
  return String(body.id)
}
const finished = async (model: string, input: unknown) => {
  const id = await submitted(model, input)
  await stack.client.untilFinal(id)
  return id
}
const submitMany = (count: number, model = 'throws') =>
  inParallel(count, 50, (index) => submitted(model, model === 'throws' ? { i: index % 10 } : { n: [1] }))
const show = async (id: string) => (await stack.client.get(`/v1/predictions/${id}`)).body
const idsOf = ({ body }: Answer) => body.results.map(({ id }: { id: string }) => id)
const statusesOf = ({ body }: Answer) => body.results.map(({ status }: { status: string }) => status)

/** While the workers are frozen nothing is taken, runs or ends. */
const whileFrozen = async (body: () => Promise<void>) => {
  for (const worker of stack.workers) worker.signal('SIGSTOP')
  try {
    await body()
  } finally {
    for (const worker of stack.workers) worker.signal('SIGCONT')
  }
}
const untilWaiting = (count: number) =>
  vi.waitFor(async () => expect(await readMetric(stack.api, 'onqueue_waiters')).toBe(count), {
    timeout: 10_000,
    interval: 10,
  })

test('many are read in the order of their ids, each as its own path shows it', async () => {
  const succeeded = await finished('throws', { i: 1 })
  const failed = await finished('throws', { i: 99 })
  const unknown = newPredictionId('throws', 1)
  await whileFrozen(async () => {
    const queued = [await submitted('patient', { n: [1] }), await submitted('patient', { n: [2] })]

    const { status, body } = await stack.client.readMany([
      ...queued,
      succeeded,
      unknown,
      failed,
      'nonsense',
      succeeded,
    ])

    expect(status).toBe(200)
    expect(body.results).toEqual([
      await show(queued[0] ?? ''),
      await show(queued[1] ?? ''),
      await show(succeeded),
      problemOf(unknown),
      await show(failed),
      problemOf('nonsense'),
      await show(succeeded),
    ])
    expect(body.results[1]).toMatchObject({
      status: 'queued',
      position: expect.any(Number),
      input: { n: [2] },
    })
    expect(body.next).toBe(null)
  })
})

const problemOf = (id: string) => ({
  type: 'urn:onqueue:error:prediction_not_found',
  title: 'Prediction not found',
  status: 404,
  detail: 'no such prediction; finished ones are kept for 24 h, and shorter when memory is short',
  code: 'prediction_not_found',
  id,
})

test('those of somebody else are none, and are neither waited for nor canceled', async () => {
  const hash = (key: string) => createHash('sha256').update(key).digest('hex')
  const guarded = await stack.startApi({
    ONQUEUE_API_KEYS: `ada:${hash('key-of-ada')},bob:${hash('key-of-bob')}`,
  })
  const ada = createClient(guarded.url, { key: 'key-of-ada' })
  const bob = createClient(guarded.url, { key: 'key-of-bob' })
  const { body: done } = await ada.submit('throws', { i: 1 }, {}, { prefer: 'wait=20' })
  await whileFrozen(async () => {
    const { body: open } = await ada.submit('patient', { n: [1] })
    const ids = [open.id, done.id]
    const problems = ids.map(problemOf)

    const read = await bob.readMany(ids, { wait: 50 })
    const any = await bob.readMany(ids, { wait: 50, until: 'any' })
    const listed = await bob.get(`/v1/predictions?ids=${ids.join(',')}`)
    const canceled = await bob.cancelMany(ids)

    for (const { status, body } of [read, any, listed, canceled])
      expect([status, body.results]).toEqual([200, problems])
    expect(statusesOf(await ada.readMany(ids))).toEqual(['queued', 'succeeded'])
  })
})

test('a wait for all is over when the last of them is final, and is one wait', async () => {
  let reading: Promise<Answer> | undefined
  await whileFrozen(async () => {
    const ids = [
      ...(await submitMany(50)),
      newPredictionId('throws', 1),
      await submitted('patient', { n: [300] }),
    ]
    reading = stack.client.readMany(ids, { wait: 55 })
    await untilWaiting(1)
  })

  const answer = await reading

  expect(answer?.status).toBe(200)
  expect(new Set(answer?.body.results.map(({ status }: { status: unknown }) => status))).toEqual(
    new Set(['succeeded', 404]),
  )
  expect(answer?.body.results.at(-1)).toMatchObject({ status: 'succeeded', output: { y: 300 } })
  await untilWaiting(0)
})

test('a wait for any is over with the first that is final, whoever makes it so', async () => {
  await whileFrozen(async () => {
    const ids = await submitMany(50)
    const reading = stack.client.readMany(ids, { wait: 55, until: 'any' })
    await untilWaiting(1)

    await stack.client.call('POST', `/v1/predictions/${ids[30]}/cancel`)

    const answer = await reading
    expect(statusesOf(answer)[30]).toBe('canceled')
    expect(statusesOf(answer).filter((status: string) => status === 'queued')).toHaveLength(49)
  })
})

test('a wait that is over answers with what there is', async () => {
  const done = await finished('throws', { i: 1 })
  await whileFrozen(async () => {
    const open = await submitted('patient', { n: [1] })

    const answer = await stack.client.readMany([open, done], { wait: 0.05 })

    expect([answer.status, statusesOf(answer)]).toEqual([200, ['queued', 'succeeded']])
  })
})

test('predictions of packs are waited for, and read, as any others', async () => {
  const inputs = Array.from({ length: 60 }, (_, index) => ({ input: { i: index % 10 } }))
  const { ids } = await openPackIn(stack, 'throws', inputs)

  const answer = await stack.client.readMany(ids, { wait: 50 })

  expect(idsOf(answer)).toEqual(ids)
  expect(answer.body.results.map(({ output }: { output: unknown }) => output)).toEqual(
    inputs.map(({ input }) => ({ value: input.i * 10 })),
  )
})

test('a caller that leaves is not waited for', async () => {
  await whileFrozen(async () => {
    const ids = await submitMany(30)
    const leaving = new AbortController()
    const reading = fetch(`${stack.url}/v1/predictions/read`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ids, wait: 55 }),
      signal: leaving.signal,
    })
    await untilWaiting(1)
    expect(await readMetric(stack.api, 'onqueue_under_way_bytes')).toBeGreaterThan(0)

    leaving.abort()

    await expect(reading).rejects.toThrow()
    await untilWaiting(0)
    await expect.poll(() => readMetric(stack.api, 'onqueue_under_way_bytes')).toBe(0)
  })
})

/** Numbers that a float32 has exactly, so that they come back as they went. */
const tensor = (numbers: number) => ({ x: Array.from({ length: numbers }, (_, index) => index / 8) })

test('an answer is cut by its bytes, and the ids that are left are ready to be asked for', async () => {
  const inputs = [...Array.from({ length: 7 }, (_, index) => tensor(20_000 + index)), tensor(300_000)]
  const ids = [...(await inParallel(8, 8, (index) => submitted('echo', inputs[index]))), 'nonsense']

  const answers: Answer[] = []
  for (let left: string[] | null = ids; left; left = answers.at(-1)?.body.next)
    answers.push(await stack.client.readMany(left, { wait: 50 }))

  expect(answers.flatMap(idsOf)).toEqual(ids)
  expect(answers.length).toBeGreaterThan(2)
  expect(idsOf(answers[0] ?? expect.fail()).length).toBeGreaterThan(1)
  // of a page of one it is that one which counts, and of what is not there nothing does
  for (const { text, body } of answers.slice(0, -1))
    if (body.results.length > 1) expect(text.length).toBeLessThan(1_200_000)
  expect(idsOf(answers.at(-1) ?? expect.fail())).toEqual(ids.slice(-2))
  const results = answers.flatMap(({ body }) => body.results)
  for (const [index, input] of inputs.entries())
    expect(JSON.stringify(results[index]?.output) === JSON.stringify({ y: input.x })).toBe(true)
})

test('a list of ids shows what it is asked for, over pages', async () => {
  const ids = await inParallel(4, 4, (index) => submitted('echo', tensor(60_000 + index)))
  for (const id of ids) await stack.client.untilFinal(id)
  const asked = [ids[3] ?? '', 'nonsense', ...ids.slice(0, 3)]

  const bare = await stack.client.get(`/v1/predictions?ids=${asked.join(',')}`)
  const pages: Answer[] = []
  for (let path = `/v1/predictions?include=input&ids=${asked.join(',')}`; path; path = nextOf(pages.at(-1)))
    pages.push(await stack.client.get(path))

  expect(idsOf(bare)).toEqual(asked)
  expect(bare.body.results[0]).not.toHaveProperty('input')
  expect(bare.body).toMatchObject({ next: null, previous: null })
  expect(pages.flatMap(idsOf)).toEqual(asked)
  expect(pages.length).toBeGreaterThan(1)
  expect(pages[0]?.body.results[0].input.x).toHaveLength(60_003)
})

const nextOf = (page: Answer | undefined) =>
  page?.body.next ? String(page.body.next).slice(stack.url.length) : ''

test('a thousand are canceled at once, whatever they are, and others are served meanwhile', async () => {
  const done = await finished('throws', { i: 1 })
  const before = await show(done)
  const { queue, extraRows } = modelKeys(stack.prefix, 'throws')
  await whileFrozen(async () => {
    const alone = await submitMany(600)
    const inputs = Array.from({ length: 389 }, () => ({ input: { i: 1 } }))
    const pack = await openPackIn(stack, 'throws', inputs)
    const ids = [...alone, ...pack.ids, 'nonsense', done, ...alone.slice(0, 9)]

    const canceling = stack.client.cancelMany(ids).finally(() => (isCanceling = false))
    let isCanceling = true
    const others: number[] = []
    while (isCanceling) {
      const askedAt = performance.now()
      expect((await stack.client.get(`/v1/predictions/${done}`)).status).toBe(200)
      others.push(performance.now() - askedAt)
    }
    const answer = await canceling

    expect(answer.status).toBe(200)
    expect(idsOf(answer)).toEqual(ids)
    expect(answer.body).not.toHaveProperty('next')
    const canceled = answer.body.results.filter(({ status }: { status: string }) => status === 'canceled')
    expect(canceled).toHaveLength(998)
    expect(answer.body.results[989]).toEqual(problemOf('nonsense'))
    const { input: _input, output: _output, ...listed } = before
    expect(answer.body.results[990]).toEqual(listed)
    expect(others.length).toBeGreaterThan(3)
    const views = await stack.client.get(`/v1/predictions?ids=${ids.slice(580, 680).join(',')}`)
    expect(views.body.results).toEqual(answer.body.results.slice(580, 680))
  })

  // nothing of them runs, and all is cleared away
  await vi.waitFor(
    async () => {
      expect(await stack.redis.zcard(queue('prioritized'))).toBe(0)
      expect(await stack.redis.llen(queue('active'))).toBe(0)
    },
    { timeout: 30_000, interval: 50 },
  )
  expect(Number(await stack.redis.get(extraRows))).toBe(0)
})

test('the paths of many are no predictions', async () => {
  const read = await stack.client.get('/v1/predictions/read')
  const cancel = await stack.client.call('DELETE', '/v1/predictions/cancel')
  const put = await stack.client.call('PUT', '/v1/predictions/read')

  expect(read).toMatchObject({ status: 404, body: { code: 'prediction_not_found' } })
  expect(cancel).toMatchObject({ status: 404, body: { code: 'prediction_not_found' } })
  expect([put.status, put.headers.get('allow')]).toEqual([405, 'POST'])
})

test('a thousand ids that are as long as ids can be are read', async () => {
  const ids = Array.from({ length: 1000 }, (_, index) => newPredictionId('a'.repeat(63), index))

  const { status, body } = await stack.client.readMany(ids, { wait: 50 })

  expect(status).toBe(200)
  expect(body.results.map(({ code }: { code: string }) => code)).toEqual(
    ids.map(() => 'prediction_not_found'),
  )
})
