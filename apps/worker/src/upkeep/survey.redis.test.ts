import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { modelKeys } from '@onqueue/shared'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'
import { surveyModels } from './survey.ts'

const namespace = `survey-test-${process.pid}`
const { deadlines, extraRows, queue } = modelKeys(namespace, 'm')
const nothing = { hasOverdue: false, hasLost: false, hasRows: false, hasAged: false }
let redis: Redis

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
})
afterEach(() => leaveRedis(redis, namespace))

const survey = (...models: string[]) => surveyModels({ redis, namespace }, models, { now: 1000, before: 500 })

test('a model of which there is nothing has nothing to do', async () => {
  expect([...(await survey('m', 'n'))]).toEqual([
    ['m', nothing],
    ['n', nothing],
  ])
  expect(await surveyModels({ redis, namespace }, [], { now: 1000, before: 500 })).toEqual(new Map())
})

test.each([
  ['a deadline that has passed', { hasOverdue: true }, () => redis.zadd(deadlines, 1000, 'p')],
  ['a deadline that has not', {}, () => redis.zadd(deadlines, 1001, 'p')],
  ['one that BullMQ gave up on', { hasLost: true }, () => redis.zadd(queue('failed'), 900, 'p')],
  [
    'one that it gave up on long ago',
    { hasLost: true, hasAged: true },
    () => redis.zadd(queue('failed'), 499, 'p'),
  ],
  ['one that finished long ago', { hasAged: true }, () => redis.zadd(queue('completed'), 499, 'p')],
  ['one that finished lately', {}, () => redis.zadd(queue('completed'), 500, 'p')],
  ['one that waits', { hasRows: true }, () => redis.lpush(queue('wait'), 'p')],
  ['one that a worker has', { hasRows: true }, () => redis.lpush(queue('active'), 'p')],
  ['one that was put off', { hasRows: true }, () => redis.zadd(queue('delayed'), 1, 'p')],
  ['one that waits by priority', { hasRows: true }, () => redis.zadd(queue('prioritized'), 1, 'p')],
  ['a count of rows that are not there', { hasRows: true }, () => redis.set(extraRows, 3)],
])('%s is seen', async (_, seen, write) => {
  await write()

  expect([...(await survey('m', 'n'))]).toEqual([
    ['m', { ...nothing, ...seen }],
    ['n', nothing],
  ])
})

test('a model whose keys are something else is an error of its own', async () => {
  await redis.set(queue('failed'), 'text')

  expect([...(await survey('m', 'n'))]).toEqual([
    ['m', expect.objectContaining({ message: expect.stringContaining('WRONGTYPE') })],
    ['n', nothing],
  ])
})
