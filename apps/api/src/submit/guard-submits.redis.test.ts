import { modelKeys, parseOutcome } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { createSubmitGuard } from './submit-guard.ts'
import type { GuardedSubmit } from './submit-guard.ts'
import { leaveRedis } from '../../../../tests/support/leave-redis.ts'

const namespace = `guard-submits-test-${process.pid}`
const keys = modelKeys(namespace, 'iris')
let redis: Redis

beforeEach(() => {
  redis = new Redis(inject('redisUrl'))
})
afterEach(() => leaveRedis(redis, namespace))

const submit: GuardedSubmit = {
  id: 'iris-01',
  model: 'iris',
  owner: 'alice',
  createdAt: 1000,
  deadline: null,
  rows: 1,
  hasLargeInput: false,
  isKeyed: false,
}
/** `aheadMs`: how far the clock is, by which a submit is judged, ahead of Redis' own. */
const openGuard = ({ aheadMs = 0 } = {}) =>
  createSubmitGuard({ redis, namespace, redisClock: { earliest: () => Date.now() + aheadMs } })
const send = async (guard: ReturnType<typeof openGuard>, ...submits: GuardedSubmit[]) =>
  Promise.all(submits.map(async (one) => isLateOf(await (await guard.send(one)).isLate)))
const isLateOf = (judged: PromiseSettledResult<boolean>) =>
  judged.status === 'fulfilled' ? judged.value : judged.reason
const late = { aheadMs: -60_000 }

test('submits of one turn are listed for their owners by creation time', async () => {
  const guard = openGuard()

  const areLate = await send(
    guard,
    submit,
    { ...submit, id: 'iris-02', createdAt: 2000 },
    { ...submit, id: 'iris-03', owner: 'bob' },
  )

  expect(areLate).toEqual([false, false, false])
  expect(await redis.zrange(keys.index('alice'), '0', '-1', 'WITHSCORES')).toEqual([
    'iris-01',
    '1000',
    'iris-02',
    '2000',
  ])
  expect(await redis.zrange(keys.index('bob'), '0', '-1')).toEqual(['iris-03'])
  expect(await redis.exists(keys.outcome('iris-01'), keys.extraRows, keys.deadlines)).toBe(0)
})

test('rows beyond the first are counted once, however often it runs', async () => {
  const guard = openGuard()

  await send(guard, { ...submit, rows: 5 })
  await send(guard, { ...submit, rows: 5 })

  expect(await redis.get(keys.extraRows)).toBe('4')
})

test('a deadline is noted, and a large input kept for good', async () => {
  await redis.set(keys.input('iris-01'), '[]', 'PX', 60_000)

  await send(openGuard(), { ...submit, deadline: 5000, hasLargeInput: true })

  expect(await redis.zscore(keys.deadlines, 'iris-01')).toBe('5000')
  expect(await redis.pttl(keys.input('iris-01'))).toBe(-1)
})

test('what Redis runs too late is canceled by its own clock before its job is there', async () => {
  const [seconds] = await redis.time()

  const areLate = await send(openGuard(late), { ...submit, rows: 5, deadline: 5000 })

  expect(areLate).toEqual([true])
  const outcome = parseOutcome((await redis.get(keys.outcome('iris-01'))) ?? '')
  expect(outcome).toMatchObject({
    status: 'canceled',
    output: null,
    error: { code: 'canceled', detail: 'the queue took it too late: its caller had been refused' },
    startedAt: null,
    attempts: 0,
  })
  expect(Math.floor(outcome.completedAt / 1000)).toBeGreaterThanOrEqual(Number(seconds))
  expect(await redis.pttl(keys.outcome('iris-01'))).toBeGreaterThan(6 * 24 * 3_600_000)
  expect(await redis.exists(keys.index('alice'), keys.extraRows, keys.deadlines)).toBe(0)
})

test('a late one leaves an outcome that is there as it is', async () => {
  await redis.set(keys.outcome('iris-01'), 'as it was')

  await send(openGuard(late), submit)

  expect(await redis.get(keys.outcome('iris-01'))).toBe('as it was')
})

test('with an idempotency key it may come late, for whoever retries it finds it', async () => {
  await send(openGuard(late), { ...submit, isKeyed: true }, { ...submit, id: 'iris-02' })

  expect(await redis.zrange(keys.index('alice'), '0', '-1')).toEqual(['iris-01'])
  expect(await redis.exists(keys.outcome('iris-01'))).toBe(0)
  expect(await redis.exists(keys.outcome('iris-02'))).toBe(1)
})
