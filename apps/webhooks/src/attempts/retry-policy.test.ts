import { parseEnvironment } from '@onqueue/shared'
import fc from 'fast-check'
import { expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import type { AttemptResult } from './attempt-result.ts'
import {
  afterAttempt,
  allowedInFlight,
  closedCircuit,
  defaultSchedule,
  isPauseDue,
  nextStep,
  parseSchedule,
  scheduleSetting,
  slowdownOf,
} from './retry-policy.ts'

const secondMs = 1000
const hourMs = 3_600_000
const dayMs = 24 * hourMs
const now = Date.parse('2026-03-03T12:00:00Z')
const middle = () => 0.5

const answer = (statusCode: number, retryAfter: string | null = null): AttemptResult => ({
  statusCode,
  error: null,
  retryAfter,
  responseHead: null,
  durationMs: 1,
})
const noAnswer: AttemptResult = { ...answer(0), statusCode: null, error: 'connect ECONNREFUSED' }

const stepAfter = (result: AttemptResult, { attempt = 1, schedule = [0, 5000], random = middle } = {}) =>
  nextStep({ attempt, schedule, result, now, random })

/** When each attempt starts, in ms from the start, with an endpoint that refuses at once until the end. */
const attemptTimes = (schedule: number[], random: () => number) => {
  const times = [schedule[0] ?? NaN]
  for (;;) {
    const at = times.at(-1) ?? NaN
    const step = nextStep({ attempt: times.length, schedule, result: noAnswer, now: at, random })
    if (step.kind !== 'retry') return { times, step }
    times.push(step.at)
  }
}

const defaultWaits = [
  0, 5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000, 72_000_000, 86_400_000,
]

test('by default there are ten attempts over 75 hours', () => {
  const { times, step } = attemptTimes(parseSchedule(defaultSchedule), middle)

  expect(times).toEqual([
    0, 5_000, 305_000, 2_105_000, 9_305_000, 27_305_000, 63_305_000, 113_705_000, 185_705_000, 272_105_000,
  ])
  expect(step).toEqual({ kind: 'failed', reason: 'attempts_exhausted' })
})

test('the attempts of a compressed schedule', () => {
  const { times, step } = attemptTimes(parseSchedule('0.01,0.05s,0.1s,1s'), middle)

  expect(times).toEqual([10, 60, 160, 1160])
  expect(step).toEqual({ kind: 'failed', reason: 'attempts_exhausted' })
})

test('the lowest dice bring each wait 10 % forward, the highest put it off by 10 %', () => {
  const waits = parseSchedule(defaultSchedule)
  const waitsWith = (random: () => number) => {
    const { times } = attemptTimes(waits, random)
    return times.slice(1).map((at, index) => at - (times[index] ?? NaN))
  }

  expect(waitsWith(() => 0)).toEqual(defaultWaits.slice(1).map((waitMs) => waitMs * 0.9))
  expect(waitsWith(() => 1 - Number.EPSILON / 2)).toEqual(
    defaultWaits.slice(1).map((waitMs) => (waitMs * 11) / 10),
  )
})

test('no dice take a wait out of 10 %', () => {
  const dice = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

  fc.assert(
    fc.property(fc.integer({ min: 0, max: 30 * dayMs }), dice, (waitMs, die) => {
      const step = stepAfter(noAnswer, { schedule: [0, waitMs], random: () => die })

      const at = step.kind === 'retry' ? step.at : NaN
      expect(Number.isInteger(at)).toBe(true)
      expect((at - now) * 10).toBeGreaterThanOrEqual(waitMs * 9)
      expect((at - now) * 10).toBeLessThanOrEqual(waitMs * 11)
    }),
  )
})

test.each([200, 201, 202, 204, 299])('%d is success, also at the last attempt', (statusCode) => {
  expect(stepAfter(answer(statusCode))).toEqual({ kind: 'delivered' })
  expect(stepAfter(answer(statusCode), { attempt: 2 })).toEqual({ kind: 'delivered' })
})

test('410 ends a delivery at its first attempt', () => {
  expect(stepAfter(answer(410))).toEqual({ kind: 'failed', reason: 'gone' })
})

test.each([101, 300, 301, 304, 307, 400, 401, 404, 408, 409, 411, 422, 429, 500, 502, 503, 504, 599, null])(
  '%s is retried until the schedule ends',
  (statusCode) => {
    const result = { ...noAnswer, statusCode }

    expect(stepAfter(result)).toEqual({ kind: 'retry', at: now + 5000 })
    expect(stepAfter(result, { attempt: 2 })).toEqual({ kind: 'failed', reason: 'attempts_exhausted' })
  },
)

// [header, seconds from now that it asks for; null when it is malformed]
const retryAfters: [string, number | null][] = [
  ['120', 120],
  [' 120 ', 120],
  ['0', 0],
  ['000090', 90],
  ['Tue, 03 Mar 2026 12:02:00 GMT', 120],
  ['Tuesday, 03-Mar-26 12:02:00 GMT', 120],
  ['Tue Mar  3 12:02:00 2026', 120],
  ['Tue, 03 Mar 2026 11:00:00 GMT', 0],
  ['Sun Nov  6 08:49:37 1994', 0],
  ['', null],
  ['soon', null],
  ['-120', null],
  ['+120', null],
  ['1.5', null],
  ['1e3', null],
  ['0x10', null],
  ['120s', null],
  ['120, 240', null],
  ['2026-03-03T12:02:00Z', null],
  ['Tue, 03 Mar 2026 12:02:00', null],
  ['Tue, 03 Mar 2026 12:02:00 +0100', null],
  ['Tue, 03 Foo 2026 12:02:00 GMT', null],
  ['Tue, 03 Mar 2026 25:02:00 GMT', null],
  ['12', 12],
]

test.each(retryAfters)('Retry-After %j puts an attempt off by %s s', (header, seconds) => {
  expect(stepAfter(answer(503, header))).toEqual({
    kind: 'retry',
    at: now + Math.max(5, seconds ?? 0) * secondMs,
  })
})

test('a date without a zone is in UTC wherever the server stands', () => {
  vi.stubEnv('TZ', 'Asia/Tokyo')
  onTestFinished(() => void vi.unstubAllEnvs())
  expect(new Date(now).getHours()).toBe(21)

  expect(stepAfter(answer(503, 'Tue Mar  3 12:02:00 2026'))).toEqual({ kind: 'retry', at: now + 120_000 })
})

test.each([301, 404, 429, 500, 503])('Retry-After counts on %d', (statusCode) => {
  expect(stepAfter(answer(statusCode, '60'))).toEqual({ kind: 'retry', at: now + 60_000 })
})

test('Retry-After never brings an attempt forward', () => {
  const schedule = [0, hourMs]

  expect(stepAfter(answer(429, '1'), { schedule })).toEqual({ kind: 'retry', at: now + hourMs })
})

test.each(['86401', '9'.repeat(400), 'Fri, 03 Apr 2026 12:00:00 GMT'])(
  'Retry-After %j puts an attempt off by a day and no more',
  (header) => {
    expect(stepAfter(answer(503, header))).toEqual({ kind: 'retry', at: now + dayMs })
  },
)

test('a wait of the schedule that is longer than a day is kept', () => {
  expect(stepAfter(answer(503, '999999'), { schedule: [0, 2 * dayMs] })).toEqual({
    kind: 'retry',
    at: now + 2 * dayMs,
  })
})

test('Retry-After does not prolong the schedule', () => {
  expect(stepAfter(answer(503, '60'), { attempt: 2 })).toEqual({
    kind: 'failed',
    reason: 'attempts_exhausted',
  })
})

test('the schedule is a wait before each attempt', () => {
  expect(parseSchedule(defaultSchedule)).toEqual(defaultWaits)
  expect(parseSchedule(' 0, 1h30m ,90,0.5s')).toEqual([0, 5_400_000, 90_000, 500])
})

test.each([
  ['', ''],
  ['0,,5s', ''],
  ['0,5s,', ''],
  ['0,5x', '5x'],
  ['0,-5s', '-5s'],
  ['0;5s', '0;5s'],
  ['0,721h', '721h'],
  [`0,${'9'.repeat(400)}`, '9'.repeat(400)],
])('the schedule %j is refused', (text, part) => {
  expect(() => parseSchedule(text)).toThrow(
    `must be waits of up to 720h before each attempt, separated by commas, such as 0,5s,5m,2h; "${part}" is none`,
  )
})

test('the setting has the default schedule, and its problem is listed with the others', () => {
  const schema = z.object({ ONQUEUE_WEBHOOK_SCHEDULE: scheduleSetting() })

  expect(parseEnvironment(schema, {}).ONQUEUE_WEBHOOK_SCHEDULE).toEqual(defaultWaits)
  expect(parseEnvironment(schema, { ONQUEUE_WEBHOOK_SCHEDULE: '0,1s' }).ONQUEUE_WEBHOOK_SCHEDULE).toEqual([
    0, 1000,
  ])
  expect(() => parseEnvironment(schema, { ONQUEUE_WEBHOOK_SCHEDULE: 'often' })).toThrow(
    '\n  ONQUEUE_WEBHOOK_SCHEDULE: must be waits of up to 720h before each attempt, separated by commas, such as 0,5s,5m,2h; "often" is none',
  )
})

test.each(retryAfters)('Retry-After %j on 500 leaves the endpoint alone for %s s', (header, seconds) => {
  expect(slowdownOf(answer(500, header), now)).toBe(seconds ? now + seconds * secondMs : null)
})

test.each([429, 502, 503, 504])('%d leaves the endpoint alone for a second at least', (statusCode) => {
  expect(slowdownOf(answer(statusCode), now)).toBe(now + 1000)
  expect(slowdownOf(answer(statusCode, '0'), now)).toBe(now + 1000)
  expect(slowdownOf(answer(statusCode, 'soon'), now)).toBe(now + 1000)
  expect(slowdownOf(answer(statusCode, '30'), now)).toBe(now + 30_000)
})

test.each([200, 301, 400, 410, 500])('%d leaves the endpoint alone only with Retry-After', (statusCode) => {
  expect(slowdownOf(answer(statusCode), now)).toBeNull()
  expect(slowdownOf(answer(statusCode, '30'), now)).toBe(now + 30_000)
})

test('no answer is no slowdown: the circuit deals with it', () => {
  expect(slowdownOf(noAnswer, now)).toBeNull()
})

test('an endpoint is left alone for an hour and no more', () => {
  expect(slowdownOf(answer(503, '3600'), now)).toBe(now + hourMs)
  expect(slowdownOf(answer(503, '86400'), now)).toBe(now + hourMs)
})

const circuitAfter = (...results: AttemptResult[]) =>
  results.reduce((circuit, result) => afterAttempt(circuit, result, now), closedCircuit)
const failures = (count: number) => Array.from({ length: count }, () => noAnswer)

test.each([
  [1, 0, 20],
  [4, 0, 20],
  [5, 1000, 1],
  [6, 2000, 1],
  [7, 4000, 1],
  [9, 16_000, 1],
  [10, 30_000, 1],
  [5000, 30_000, 1],
])(
  'after %d failures in a row an endpoint rests for %d ms and is allowed %d at once',
  (count, restMs, allowed) => {
    const circuit = circuitAfter(...failures(count))

    expect(circuit).toEqual({ failuresInARow: count, notBefore: restMs === 0 ? 0 : now + restMs })
    expect(allowedInFlight(circuit, 20)).toBe(allowed)
  },
)

test.each([429, 500, 502, 503, 504, 599, null])('%s counts as a failure of the endpoint', (statusCode) => {
  expect(circuitAfter({ ...noAnswer, statusCode })).toEqual({ failuresInARow: 1, notBefore: 0 })
})

test.each([200, 204, 302, 400, 404, 410, 422])(
  '%d shows that the receiver lives, which closes the circuit',
  (statusCode) => {
    expect(circuitAfter(...failures(7), answer(statusCode))).toEqual({ failuresInARow: 0, notBefore: 0 })
    expect(circuitAfter(...failures(4), answer(statusCode), ...failures(4)).failuresInARow).toBe(4)
  },
)

test('an endpoint that nothing is known of may be dialled at once, by as many as are allowed', () => {
  expect(closedCircuit.notBefore).toBe(0)
  expect(allowedInFlight(closedCircuit, 20)).toBe(20)
})

test('an endpoint is paused after five days of nothing but failures', () => {
  expect(isPauseDue({ failingSince: now - 5 * dayMs + 1, failures: 10, now })).toBe(false)
  expect(isPauseDue({ failingSince: now - 5 * dayMs, failures: 10, now })).toBe(true)
  expect(isPauseDue({ failingSince: now - 5 * dayMs, failures: 9, now })).toBe(false)
  expect(isPauseDue({ failingSince: null, failures: 10, now })).toBe(false)
})
