import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { modelKeys } from '@onqueue/shared'
import { createRowCorrection } from './correct-rows.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'

const namespace = `correct-rows-test-${process.pid}`
const keys = modelKeys(namespace, 'iris')
let redis: Redis

beforeEach(async () => {
  redis = new Redis(inject('redisUrl'))
  await redis.set(keys.extraRows, 7)
})
afterEach(() => leaveRedis(redis, namespace))

const start = () => {
  const repaired: string[] = []
  const { correct: correctRows } = createRowCorrection({
    redis,
    namespace,
    onRepaired: (kind) => repaired.push(kind),
  })
  return { correct: () => correctRows('iris'), repaired }
}
const correct = () => start().correct()

const id = (n: number) => `iris-0000000000000000000000000${n}`
const jobOf = (arrayLength: number | null, input: unknown = {}) =>
  JSON.stringify({
    model: 'iris',
    input,
    inputBytes: 5,
    arrayLength,
    priority: 'normal',
    metadata: { arrayLength: '9', note: '"arrayLength":9,"priority"' },
    deadline: null,
    createdAt: 1,
  })
const queueJob = async (n: number, arrayLength: number | null, input?: unknown) => {
  await redis.hset(keys.queue(id(n)), 'data', jobOf(arrayLength, input))
  await redis.zadd(keys.queue('prioritized'), 5 * 2 ** 32 + n, id(n))
}

test('the rows of an empty queue are forgotten', async () => {
  await correct()

  expect(await redis.exists(keys.extraRows)).toBe(0)
})

test.each(['wait', 'active'])('the rows of a queue that has a prediction in %s count', async (part) => {
  await redis.lpush(keys.queue(part), 'a')

  await correct()

  expect(await redis.get(keys.extraRows)).toBe('7')
})

test.each(['delayed', 'prioritized'])(
  'the rows of a queue that has a prediction in %s count',
  async (part) => {
    await redis.zadd(keys.queue(part), 1, 'a')

    await correct()

    expect(await redis.get(keys.extraRows)).toBe('7')
  },
)

test('predictions that are finished have no rows', async () => {
  await redis.zadd(keys.queue('completed'), 1, 'a')

  await correct()

  expect(await redis.exists(keys.extraRows)).toBe(0)
})

test('a count that is off by the same twice is put right, by what is read in the records', async () => {
  const { correct: correctAgain, repaired } = start()
  await queueJob(1, 3)
  await queueJob(2, null, { arrayLength: 8, priority: 'high' })
  await queueJob(3, 4)
  // final, and only to be cleared away
  await queueJob(4, 100)
  await redis.set(keys.outcome(id(4)), '{}')

  await correctAgain()
  expect(await redis.get(keys.extraRows)).toBe('7')
  await correctAgain()

  expect(await redis.get(keys.extraRows)).toBe('5')
  expect(repaired).toEqual(['rows'])
})

test('a count that is off by something else each time is left alone: submits and ends are under way', async () => {
  const { correct: correctAgain, repaired } = start()
  await queueJob(1, 3)

  await correctAgain()
  await redis.incrby(keys.extraRows, 1)
  await correctAgain()

  expect(await redis.get(keys.extraRows)).toBe('8')
  expect(repaired).toEqual([])
})

test('with as many predictions as are counted at once it is put right, with one more it is left alone', async () => {
  const { correct: correctAgain } = start()
  for (let n = 0; n < 500; n++) await redis.lpush(keys.queue('wait'), `iris-${n}`)
  await correctAgain()
  await correctAgain()
  expect(await redis.get(keys.extraRows)).toBe('0')

  await redis.set(keys.extraRows, 7)
  await redis.lpush(keys.queue('wait'), 'iris-500')
  await correctAgain()
  await correctAgain()

  expect(await redis.get(keys.extraRows)).toBe('7')
})

test('where BullMQ has lost its count the next prediction still comes after those that wait', async () => {
  await redis.zadd(keys.queue('prioritized'), 2 * 2 ** 32 + 41, 'a', 5 * 2 ** 32 + 40, 'b')

  await correct()
  expect(await redis.get(keys.queue('pc'))).toBe('41')
  await redis.set(keys.queue('pc'), 50)
  await correct()

  expect(await redis.get(keys.queue('pc'))).toBe('50')
})
