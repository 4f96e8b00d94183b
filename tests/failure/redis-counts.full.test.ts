import { deliveryKeys, globalKeys, modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createClient } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { form, submitInForm } from '../support/forms.ts'
import { inParallel } from '../support/in-parallel.ts'
import { readMetric } from '../support/metrics.ts'
import { executorsOf, signalAll } from '../support/processes.ts'
import { startOneOfEach } from '../support/one-of-each.ts'
import type { OneOfEach } from '../support/one-of-each.ts'
import type { Receiver } from '../support/receiver.ts'
import type { Stack, StackProcess } from '../support/stack.ts'

/** Counts in Redis are made wrong by hand, and its scripts and the shared secret are lost, under running processes. */
let oneOfEach: OneOfEach
let stack: Stack
let worker: StackProcess
let webhooks: StackProcess
let receiver: Receiver
let isUp = true

beforeAll(async () => {
  oneOfEach = await startOneOfEach({ answer: (response) => response.writeHead(isUp ? 200 : 500).end() })
  ;({ stack, worker, webhooks, receiver } = oneOfEach)
})
afterAll(() => oneOfEach.close())

const soon = { timeout: 20_000, interval: 50 }

const lossesOf = (app: StackProcess, kind: string) => readMetric(app, 'onqueue_redis_losses_total', { kind })

test.each([1_000_000, -1_000_000])(
  'a count of rows that is off by %i is put right while predictions wait',
  async (off) => {
    const { extraRows } = modelKeys(stack.prefix, 'patient')
    const before = await lossesOf(worker, 'rows')
    const companion = { n: [1] }
    // what is taken runs until it is put right, however long that takes
    const executors = await executorsOf(worker.pid, 'patient')
    signalAll(executors, 'SIGSTOP')
    const running = await submitInForm(stack, 'patient', [{ input: { n: [1] } }], { companion })
    await Promise.all(running.ids.map(stack.client.untilTaken))
    // an input that looks like the record around it
    const decoy = { n: [1] }
    const metadata = { arrayLength: '7', priority: '"arrayLength":9,"priority":"low"' }
    const array = { input: [decoy, decoy, decoy], metadata }
    const waiting = await submitInForm(stack, 'patient', [array], { companion })

    // beside one for each job: packs are of 8 rows, and of 10
    const extra = form === 'alone' ? '2' : '16'
    await stack.redis.incrby(extraRows, off)

    await vi.waitFor(async () => expect(await stack.redis.get(extraRows)).toBe(extra), soon)
    signalAll(executors, 'SIGCONT')
    expect(executors).toHaveLength(1)
    expect(await lossesOf(worker, 'rows')).toBe(before + 1)
    const ended = await Promise.all([...running.ids, ...waiting.ids].map((id) => stack.client.untilFinal(id)))
    expect(ended.map(({ body }) => body.status)).toEqual(['succeeded', 'succeeded'])
    await vi.waitFor(async () => expect(Number((await stack.redis.get(extraRows)) ?? 0)).toBe(0), soon)
  },
)

test.each(['1000000000', '-5'])(
  'a count of bytes that says %s is put right, and its owner can go on',
  async (wrong) => {
    const { bytes, body } = deliveryKeys(stack.prefix)
    isUp = false
    await stack.client.submit('throws', { i: 1 }, { webhook: receiver.url })
    const [key = ''] = await vi.waitFor(async () => {
      const found = await stack.redis.keys(bytes('*'))
      expect(found).toHaveLength(1)
      return found
    }, soon)

    await stack.redis.set(key, wrong)

    await vi.waitFor(async () => {
      const bodies = await stack.redis.keys(body('*'))
      const lengths = await Promise.all(bodies.map((one) => stack.redis.strlen(one)))
      expect(Number(await stack.redis.get(key))).toBe(lengths.reduce((sum, length) => sum + length, 0))
    }, soon)
    expect(await lossesOf(webhooks, 'bytes')).toBeGreaterThan(0)
    const answer = await stack.client.submit('throws', { i: 1 }, { webhook: receiver.url })
    expect(answer.status).toBe(202)
    isUp = true
  },
)

test('when Redis forgets its scripts everything goes on', async () => {
  await stack.redis.script('FLUSH')

  const answers = await inParallel(20, 10, (i) =>
    stack.client.submit('throws', { i: i % 10 }, { webhook: receiver.url }, { prefer: 'wait=10' }),
  )

  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201))
  const ids = answers.map(({ body }) => String(body.id))
  await vi.waitFor(
    () => expect(receiver.received.map(({ body }) => String(body.id))).toEqual(expect.arrayContaining(ids)),
    soon,
  )
})

test('the shared secret comes back from the memory of who has it, and links and keys stay good', async () => {
  const { secret } = globalKeys(stack.prefix)
  const submit = ({ submit: send }: Client) =>
    send('throws', { i: 1 }, {}, { 'idempotency-key': 'secret-1', prefer: 'wait=10' })
  const before = await stack.redis.get(secret)
  const { body: first } = await submit(stack.client)

  await stack.redis.del(secret)
  await vi.waitFor(async () => expect(await stack.redis.get(secret)).toBe(before), soon)
  const other = await stack.startApi()
  const { body: second } = await submit(createClient(other.url))

  expect(second.id).toBe(first.id)
  expect((await fetch(first.urls.events)).status).toBe(200)
})

test('a secret that another process has made meanwhile is taken by all', async () => {
  const { secret } = globalKeys(stack.prefix)
  const { body: before } = await stack.client.submit(
    'throws',
    { i: 1 },
    {},
    { 'idempotency-key': 'secret-2' },
  )

  await stack.redis.set(secret, 'another-secret-of-43-characters-0123456789')

  await vi.waitFor(async () => {
    const { body } = await stack.client.submit('throws', { i: 1 }, {}, { 'idempotency-key': 'secret-2' })
    expect(body.id).not.toBe(before.id)
  }, soon)
  expect(await stack.redis.get(secret)).toBe('another-secret-of-43-characters-0123456789')
})
