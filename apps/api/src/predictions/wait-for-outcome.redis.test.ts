import { createOutcomeWriter, endedOutcome, globalKeys, modelKeys, newPredictionId } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { afterEach, expect, inject, onTestFinished, test } from 'vitest'
import { createChannels } from '../redis/channels.ts'
import { createOutcomeWaiters } from './wait-for-outcome.ts'

const redis = new Redis(inject('redisUrl'))
const namespace = `test-${process.pid}-wait-for-outcome`
const outcomes = createOutcomeWriter({ redis, namespace })
const outcome = endedOutcome('canceled', { code: 'canceled', detail: 'not wanted', now: 1 })
const { notices } = modelKeys(namespace, 'iris')
const [one, two, unknown] = [
  newPredictionId('iris', 1),
  newPredictionId('iris', 2),
  newPredictionId('iris', 3),
]

afterEach(async () => {
  const keys = await redis.keys(`${namespace}*`)
  if (keys.length > 0) await redis.del(keys)
})

/** `rereadMs` is so long that what is not told is not found. */
const open = async ({ areRepliesSent = true, rereadMs = 60_000 } = {}) => {
  const subscriber = new Redis(inject('redisUrl'))
  const waiters = createOutcomeWaiters({
    redis,
    namespace,
    channels: createChannels(subscriber),
    areRepliesSent: () => areRepliesSent,
    log: pino({ level: 'silent' }),
    rereadMs,
  })
  onTestFinished(() => {
    waiters.close()
    subscriber.disconnect()
  })
  const listens = async (channel: string) => Number((await redis.pubsub('NUMSUB', channel))[1]) > 0
  await expect.poll(() => listens(globalKeys(namespace).replies(waiters.replyTo))).toBe(true)
  return { waiters, isListening: () => listens(notices) }
}

test('what was submitted here is told by a reply, without listening to the model', async () => {
  const { waiters, isListening } = await open()
  const expected = waiters.expectReply(one)
  const waiting = expected.within(10_000)

  await outcomes.write(one, outcome, { arrayLength: null, replyTo: waiters.replyTo })

  expect(await waiting).toEqual(outcome)
  expect(await isListening()).toBe(false)
})

test('a long outcome is read when the reply says that there is one', async () => {
  const { waiters } = await open()
  const detail = 'x'.repeat(20_000)
  const long = endedOutcome('canceled', { code: 'canceled', detail, now: 1 })
  const waiting = waiters.expectReply(one).within(10_000)

  await outcomes.write(one, long, { arrayLength: null, replyTo: waiters.replyTo })

  expect(await waiting).toEqual(long)
})

test('what was submitted elsewhere is told by a notice of its model', async () => {
  const { waiters, isListening } = await open()
  const waiting = waiters.expect(one).within(10_000)
  await expect.poll(isListening).toBe(true)

  await outcomes.write(one, outcome, { arrayLength: null, replyTo: 'another' })

  expect(await waiting).toEqual(outcome)
})

test('where a worker sends no replies notices are listened to', async () => {
  const { waiters, isListening } = await open({ areRepliesSent: false })
  const waiting = waiters.expectReply(one).within(10_000)
  await expect.poll(isListening).toBe(true)

  await outcomes.write(one, outcome, { arrayLength: null })

  expect(await waiting).toEqual(outcome)
})

test('what nobody told is found by reading again', async () => {
  const { waiters } = await open({ rereadMs: 20 })
  const waiting = waiters.expectReply(one).within(10_000)

  await outcomes.write(one, outcome, { arrayLength: null, replyTo: 'a process that died' })

  expect(await waiting).toEqual(outcome)
})

test('a reply that is doubled, late, of another one or unreadable changes nothing', async () => {
  const { waiters } = await open()
  const channel = globalKeys(namespace).replies(waiters.replyTo)
  const first = waiters.expectReply(one)
  const waiting = first.within(10_000)
  const second = waiters.expectReply(two).within(10_000)

  await redis.publish(channel, 'not a reply')
  await redis.publish(channel, `${one} {"of":"another release"}`)
  await redis.publish(channel, `${unknown} {}\nunknown-1 {}`)
  await outcomes.write(one, outcome, { arrayLength: null, replyTo: waiters.replyTo })
  expect(await waiting).toEqual(outcome)
  first.release()
  await redis.publish(channel, `${one} ${JSON.stringify(outcome)}`)
  await outcomes.write(two, outcome, { arrayLength: null, replyTo: waiters.replyTo })

  expect(await second).toEqual(outcome)
  expect(waiters.count()).toBe(1)
})
