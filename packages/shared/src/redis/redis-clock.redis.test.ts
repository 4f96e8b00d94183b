import { once } from 'node:events'
import { Redis } from 'ioredis'
import { afterEach, expect, inject, onTestFinished, test, vi } from 'vitest'
import { createRedisClock } from './redis-clock.ts'

const hourMs = 3_600_000

afterEach(() => void vi.useRealTimers())

/** Nothing has been read yet. */
const open = async () => {
  const redis = new Redis(inject('redisUrl'))
  await once(redis, 'ready')
  const logged: unknown[] = []
  const log = {
    warn: (...line: unknown[]) => void logged.push(line[1]),
    info: (...line: unknown[]) => void logged.push(line[1]),
  }
  const clock = createRedisClock({ redis, log })
  onTestFinished(() => {
    clock.close()
    redis.disconnect()
  })
  return { redis, clock, logged }
}

/** Sets the clock of this process. */
const setOwnClock = (ms: number) => vi.useFakeTimers({ toFake: ['Date'], now: ms })

test('it tells the time of Redis, whatever the own clock is set to', async () => {
  const realTime = Date.now()
  const startedAt = performance.now()
  const { redis, clock } = await open()
  setOwnClock(realTime + 26 * hourMs)

  await clock.read()
  const ahead = { now: clock.now(), aheadMs: clock.aheadMs() }
  setOwnClock(realTime - hourMs)
  const behind = { now: clock.now(), aheadMs: clock.aheadMs() }
  const [seconds] = await redis.time()

  expect(Math.abs(ahead.now / 1000 - Number(seconds))).toBeLessThan(2)
  expect(ahead.aheadMs / hourMs).toBeCloseTo(26, 1)
  expect(behind.now - ahead.now).toBeLessThanOrEqual(performance.now() - startedAt)
  expect(behind.aheadMs / hourMs).toBeCloseTo(-1, 1)
  expect(Number.isInteger(behind.now)).toBe(true)
})

test('a first reading that took long is made again, and then its time is right', async () => {
  const { redis, clock } = await open()
  // the connection is held up, so that Redis says its time long after it was asked
  void redis.blpop(`redis-clock-test-${process.pid}`, 1.5)

  await clock.read()

  // this machine is that of Redis; by the first reading alone it would be three quarters of a second off
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(400)
})

test('what it says at the earliest is not later than it is, however long a reading took', async () => {
  const { redis, clock } = await open()
  void redis.blpop(`redis-clock-test-${process.pid}`, 0.5)
  clock.adjust()
  await redis.ping()

  const [earliest, now] = [clock.earliest(), clock.now()]

  expect(earliest).toBeLessThanOrEqual(Date.now())
  expect(now - earliest).toBeGreaterThan(200)
})

test('an own clock that is off is told from the first reading on', async () => {
  setOwnClock(Date.now() + 600_000)
  const { clock, logged } = await open()
  expect(clock.warnings()).toEqual([])

  await clock.read()

  expect(clock.warnings()).toEqual([expect.stringMatching(/^this machine's clock is (599|600)\S* s ahead/)])
  expect(logged).toEqual(["this machine's clock is not that of Redis"])
})

test('a Redis whose clock was set is followed from the next reading on', async () => {
  const { redis, clock } = await open()
  // seen from here, a steady clock that leaps is a Redis that was set back
  vi.useFakeTimers({ toFake: ['performance'] })
  await clock.read()
  vi.advanceTimersByTime(hourMs)
  const before = clock.now()

  await clock.read()

  const [seconds] = await redis.time()
  expect(before / 1000 - Number(seconds)).toBeGreaterThan(3598)
  expect(Math.abs(clock.now() / 1000 - Number(seconds))).toBeLessThan(2)
})
