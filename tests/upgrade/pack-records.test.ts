import { createOutcomeWriter, readPredictionRecord } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterAll, expect, inject, test } from 'vitest'
import { leaveRedis } from '../support/leave-redis.ts'
import { openTestPack } from '../support/open-pack.ts'
import { shapesOf } from './record-shapes.ts'
import { listRedis } from './redis-listing.ts'

const namespace = `pack-records-test-${process.pid}`
const redis = new Redis(inject('redisUrl'))

afterAll(() => leaveRedis(redis, namespace))

/**
 * What packs are in Redis: lines of `shapesOf`, as docs/upgrade.md explains. A release that makes packs does so only beside those
 * that read these very ones: a line that is gone or different needs another name in the heartbeats. One that is new, and an
 * optional field, may be added here.
 */
const shapes = [
  ':{<model>}:pack:<prediction> hash due number',
  ':{<model>}:pack:<prediction> hash i01 object',
  ':{<model>}:pack:<prediction> hash i01.a number',
  ':{<model>}:pack:<prediction> hash i02 array',
  ':{<model>}:pack:<prediction> hash i02[] object',
  ':{<model>}:pack:<prediction> hash i02[].a number',
  ':{<model>}:pack:<prediction> hash i03 object',
  ':{<model>}:pack:<prediction> hash i03.a number',
  ':{<model>}:pack:<prediction> hash j01 object',
  ':{<model>}:pack:<prediction> hash j01.deadline time',
  ':{<model>}:pack:<prediction> hash j01.metadata anything',
  ':{<model>}:pack:<prediction> hash j01.requestId string',
  ':{<model>}:pack:<prediction> hash j01.webhook object',
  ':{<model>}:pack:<prediction> hash j01.webhook.events array',
  ':{<model>}:pack:<prediction> hash j01.webhook.events[] "completed"',
  ':{<model>}:pack:<prediction> hash j01.webhook.payload "full"',
  ':{<model>}:pack:<prediction> hash j01.webhook.url string',
  ':{<model>}:pack:<prediction> hash j02 object',
  ':{<model>}:pack:<prediction> hash j02.arrayLength number',
  ':{<model>}:pack:<prediction> hash j02.requestId string',
  ':{<model>}:pack:<prediction> hash j03 object',
  ':{<model>}:pack:<prediction> hash j03.requestId string',
  ':{<model>}:pack:<prediction> hash kept number',
  ':{<model>}:pack:<prediction> hash left number',
  ':{<model>}:pack:<prediction> hash long number',
  ':{<model>}:pack:<prediction> hash n number',
  ':{<model>}:pack:<prediction> hash o01 object',
  ':{<model>}:pack:<prediction> hash o01.attempts number',
  ':{<model>}:pack:<prediction> hash o01.batchSize number',
  ':{<model>}:pack:<prediction> hash o01.completedAt number',
  ':{<model>}:pack:<prediction> hash o01.error null',
  ':{<model>}:pack:<prediction> hash o01.output anything',
  ':{<model>}:pack:<prediction> hash o01.predictMs number',
  ':{<model>}:pack:<prediction> hash o01.startedAt number',
  ':{<model>}:pack:<prediction> hash o01.status "succeeded"',
  ':{<model>}:pack:<prediction> hash o02 empty',
  ':{<model>}:pack:<prediction> hash object',
  ':{<model>}:pack:<prediction> hash rows number',
  ':{<model>}:pack:<prediction> hash told number',
  ':{<model>}:predictions:<prediction> hash data object',
  ':{<model>}:predictions:<prediction> hash data.createdAt time',
  ':{<model>}:predictions:<prediction> hash data.digest string',
  ':{<model>}:predictions:<prediction> hash data.inputBytes number',
  ':{<model>}:predictions:<prediction> hash data.keyId string',
  ':{<model>}:predictions:<prediction> hash data.model string',
  ':{<model>}:predictions:<prediction> hash data.owner string',
  ':{<model>}:predictions:<prediction> hash data.pack number',
  ':{<model>}:predictions:<prediction> hash data.priority "normal"',
  ':{<model>}:predictions:<prediction> hash data.replyTo string',
  ':{<model>}:predictions:<prediction> hash data.rows number',
  ':{<model>}:predictions:<prediction> hash data.version string',
]

test('packs are kept in the form that every process reads which says so', async () => {
  const store = { redis, namespace }
  const asked = {
    input: { a: 1 },
    webhook: { url: 'http://r', events: ['completed' as const], payload: 'full' as const },
  }
  const { ids } = await openTestPack(
    store,
    [
      { ...asked, deadline: 1_700_000_000_000, metadata: { a: 'b' } },
      { input: [{ a: 1 }, { a: 2 }] },
      { input: { a: 1 } },
    ],
    { owner: 'alice', keyId: 'key', replyTo: 'api' },
  )
  for (const [index, id] of ids.slice(0, 2).entries()) {
    const record = await readPredictionRecord(store, 'iris', id)
    const output = index === 0 ? 'short' : 'x'.repeat(5000)
    const ran = { startedAt: 1, completedAt: 2, predictMs: 3, batchSize: 4, attempts: 1 }
    await createOutcomeWriter(store).write(
      id,
      { status: 'succeeded', output, error: null, ...ran },
      record?.job ?? null,
    )
  }

  const keys = await listRedis(redis, namespace)

  const found = shapesOf({ keys, messages: [] }, namespace)
  expect(found.filter((shape) => /:pack:| hash data/.test(shape))).toEqual(shapes)
})
