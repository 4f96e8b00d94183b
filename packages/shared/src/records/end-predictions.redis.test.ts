import { Redis } from 'ioredis'
import { afterAll, beforeEach, expect, inject, test } from 'vitest'
import { deliveryKeys, globalKeys, modelKeys } from '../redis/names.ts'
import { createEndPredictions, maxRepliedBytes, readReply } from './end-predictions.ts'
import type { PredictionEnd } from './end-predictions.ts'

const redis = new Redis(inject('redisUrl'))
const subscriber = new Redis(inject('redisUrl'))
const namespace = `test-${process.pid}-end-predictions`
const { outcome: keyOf, extraRows, undelivered, notices } = modelKeys(namespace, 'iris')
const endPredictions = createEndPredictions({ redis, namespace })
const heard: [channel: string, message: string][] = []

subscriber.on('message', (channel, message) => heard.push([channel, message]))
await subscriber.subscribe(
  notices,
  deliveryKeys(namespace).notices,
  globalKeys(namespace).replies('one'),
  globalKeys(namespace).replies('two'),
)

const empty = async () => {
  const keys = await redis.keys(`${namespace}*`)
  if (keys.length > 0) await redis.del(keys)
}
beforeEach(async () => {
  await empty()
  heard.length = 0
})
afterAll(async () => {
  await empty()
  redis.disconnect()
  subscriber.disconnect()
})

const end = (id: string, fields: Partial<PredictionEnd> = {}): PredictionEnd => ({
  id,
  text: `{"of":"${id}"}`,
  rows: 1,
  isDelivered: false,
  replyTo: undefined,
  packId: undefined,
  ...fields,
})
const repliesTo = (process: string) =>
  heard.flatMap(([channel, message]) =>
    channel === globalKeys(namespace).replies(process) ? readReply(message) : [],
  )
const untilNoticed = (times = 1) =>
  expect.poll(() => heard.filter(([channel]) => channel === notices).length).toBe(times)

test('each outcome is written once, and who comes later is told what is stored', async () => {
  expect(await endPredictions('iris', [end('iris-1'), end('iris-2')])).toEqual([null, null])
  expect(await endPredictions('iris', [end('iris-2', { text: '{"of":"another"}' }), end('iris-3')])).toEqual([
    '{"of":"iris-2"}',
    null,
  ])
  expect(await redis.mget(['iris-1', 'iris-2', 'iris-3'].map(keyOf))).toEqual([
    '{"of":"iris-1"}',
    '{"of":"iris-2"}',
    '{"of":"iris-3"}',
  ])
})

test('who waits is sent the outcome that counts, and who listens to the model the ids', async () => {
  await endPredictions('iris', [end('iris-1', { text: '{"first":true}' })])
  await endPredictions('iris', [
    end('iris-1', { replyTo: 'one' }),
    end('iris-2', { replyTo: 'two' }),
    end('iris-3', { replyTo: 'one' }),
    end('iris-4'),
  ])
  await untilNoticed(2)

  expect(repliesTo('one')).toEqual([
    { id: 'iris-1', text: '{"first":true}' },
    { id: 'iris-3', text: '{"of":"iris-3"}' },
  ])
  expect(repliesTo('two')).toEqual([{ id: 'iris-2', text: '{"of":"iris-2"}' }])
  expect(heard).toContainEqual([notices, 'iris-1,iris-2,iris-3,iris-4'])
  expect(heard.map(([channel]) => channel)).not.toContain(deliveryKeys(namespace).notices)
})

test('a reply carries no long outcome, and not more than it may of short ones', async () => {
  const long = 'x'.repeat(maxRepliedBytes + 1)
  const short = 'x'.repeat(maxRepliedBytes)
  const ids = Array.from({ length: 70 }, (_, index) => `iris-${index + 2}`)
  await endPredictions('iris', [
    end('iris-1', { text: long, replyTo: 'one' }),
    ...ids.map((id) => end(id, { text: short, replyTo: 'one' })),
  ])
  await untilNoticed()

  const [first, ...others] = repliesTo('one')
  expect(first).toEqual({ id: 'iris-1', text: null })
  expect(others.map(({ id }) => id)).toEqual(ids)
  expect(others.filter(({ text }) => text === short).length).toBe(64)
  expect(others.filter(({ text }) => text === null).length).toBe(6)
})

test('rows come off the backlog and deliveries are due once, however often it is sent', async () => {
  await redis.set(extraRows, 10)
  const ends = [end('iris-1', { rows: 4, isDelivered: true }), end('iris-2', { rows: 2 })]
  const before = await redis.time().then(([seconds]) => Number(seconds) * 1000)

  await endPredictions('iris', ends)
  const due = await redis.zrange(undelivered, '0', '-1', 'WITHSCORES')
  await endPredictions('iris', ends)
  await untilNoticed(2)

  expect(await redis.get(extraRows)).toBe('6')
  expect(await redis.zrange(undelivered, '0', '-1', 'WITHSCORES')).toEqual(due)
  expect(due[0]).toBe('iris-1')
  expect(Number(due[1])).toBeGreaterThanOrEqual(before)
  expect(heard.filter(([channel]) => channel === deliveryKeys(namespace).notices)).toEqual([
    [deliveryKeys(namespace).notices, 'iris'],
  ])
})
