import { parseDuration } from '@onqueue/shared'
import { z } from 'zod'
import type { AttemptResult } from './attempt-result.ts'

/**
 * When a delivery is attempted again, and when its endpoint is left alone. All pure: the caller keeps the state, the
 * clock and the dice. Three answers to one result, of which the latest time counts:
 *
 * - `nextStep`: this delivery is delivered, failed, or retried at a time of the schedule;
 * - `slowdownOf`: the receiver asked for a pause, which holds for all deliveries to its endpoint;
 * - `afterAttempt`: a circuit breaker over the endpoint, which opens when it seems to be down.
 *
 * Times are ms since the epoch, waits are ms.
 */
export type NextStep =
  | { kind: 'delivered' }
  /** `gone`: the receiver answered 410; `attempts_exhausted`: the schedule is at its end */
  | { kind: 'failed'; reason: 'gone' | 'attempts_exhausted' }
  | { kind: 'retry'; at: number }

const secondMs = 1000
const hourMs = 3600 * secondMs
const dayMs = 24 * hourMs

/** The longest that a single delivery is put off because the receiver asked for it. */
const maxRetryAfterMs = dayMs

/**
 * What comes after an attempt. 2xx is success. 410 means that the receiver wants no more (Standard Webhooks, "Delivery
 * success and failure"). Everything else is retried, redirects (which are not followed) and other 4xx too: a receiver
 * that is being deployed or set up answers anything.
 *
 * `attempt` counts from 1 and is the one that just ended, at `now`. The wait of the schedule is spread evenly over
 * ±10 %, so that deliveries that failed together don't come back together. `Retry-After` can only put it off further,
 * by up to 24 h. `random` is in [0, 1), as `Math.random` is.
 */
export const nextStep = ({
  attempt,
  schedule,
  result,
  now,
  random,
}: {
  attempt: number
  schedule: readonly number[]
  result: AttemptResult
  now: number
  random: () => number
}): NextStep => {
  if (isSuccess(result)) return { kind: 'delivered' }
  if (result.statusCode === 410) return { kind: 'failed', reason: 'gone' }
  const waitMs = schedule[attempt]
  if (waitMs === undefined) return { kind: 'failed', reason: 'attempts_exhausted' }
  const askedMs = Math.min(parseRetryAfter(result.retryAfter, now) ?? 0, maxRetryAfterMs)
  return { kind: 'retry', at: now + Math.max(jittered(waitMs, random), askedMs) }
}

/** The 10 attempts of http.md: 75 h 35 min 5 s from the first to the last. */
export const defaultSchedule = '0,5s,5m,30m,2h,5h,10h,14h,20h,24h'

/** `ONQUEUE_WEBHOOK_SCHEDULE`: a wait in ms before each attempt. */
export const scheduleSetting = () =>
  z
    .string()
    .default(defaultSchedule)
    .transform((text, context) => {
      try {
        return parseSchedule(text)
      } catch (err) {
        context.addIssue({ code: 'custom', message: err instanceof Error ? err.message : String(err) })
        return z.NEVER
      }
    })

const maxWaitMs = 30 * dayMs

/**
 * The waits (ms) of a text such as `0,5s,5m,1h30m`: one before each attempt, the first counted from when the delivery
 * is due, each other from the end of the attempt before. As many attempts as waits. Throws a sentence about the first wait
 * that is no duration of up to 30 days.
 */
export const parseSchedule = (text: string): number[] =>
  text.split(',').map((part) => {
    const seconds = parseDuration(part.trim())
    const waitMs = seconds === undefined ? NaN : Math.round(seconds * secondMs)
    if (waitMs <= maxWaitMs) return waitMs
    throw new Error(
      `must be waits of up to 720h before each attempt, separated by commas, such as 0,5s,5m,2h; "${part.trim()}" is none`,
    )
  })

const slowStatuses = [429, 502, 503, 504]
/** The pause after one of these statuses when the receiver names none, or a shorter one. */
const minSlowdownMs = secondMs
/** One delivery may be put off for a day; a whole endpoint that asks for that is more likely mistaken. */
const maxSlowdownMs = hourMs

/**
 * Until when (ms) the endpoint of the attempt is to be left alone, by all deliveries; null when it needs no pause. 429,
 * 502, 503 and 504 ask for 1 s, `Retry-After` on any answer for its own time, up to 1 h.
 */
export const slowdownOf = ({ statusCode, retryAfter }: AttemptResult, now: number): number | null => {
  const isSlow = statusCode !== null && slowStatuses.includes(statusCode)
  const askedMs = Math.min(parseRetryAfter(retryAfter, now) ?? 0, maxSlowdownMs)
  const pauseMs = Math.max(askedMs, isSlow ? minSlowdownMs : 0)
  return pauseMs > 0 ? now + pauseMs : null
}

/** What is known of an endpoint: how often in a row it seemed to be down, and when it may be dialled again (ms). */
export type Circuit = { failuresInARow: number; notBefore: number }

/** The circuit of an endpoint that nothing is known of, and of one that works. */
export const closedCircuit: Circuit = Object.freeze({ failuresInARow: 0, notBefore: 0 })

const failuresThatOpen = 5
const defaultMaxOpenMs = 30 * secondMs

/** How long an open circuit waits at the most: no longer than the schedule, where that is short. */
export const maxOpenMsOf = (schedule: readonly number[]) => Math.min(defaultMaxOpenMs, Math.max(...schedule))

/**
 * The circuit after one more attempt:
 *
 *     closed ──5 failures in a row──▶ open: one attempt at a time, after 1 s, 2 s, 4 s, … 30 s
 *       ▲                              │ │  ▲
 *       └────an answer that shows life─┘ └──┘ failure: twice the wait
 *
 * A failure is no answer, 5xx or 429. Any other answer, be it a 400, shows that the receiver lives: closed.
 */
export const afterAttempt = (
  circuit: Circuit,
  { statusCode }: AttemptResult,
  now: number,
  maxOpenMs = defaultMaxOpenMs,
): Circuit => {
  if (statusCode !== null && statusCode < 500 && statusCode !== 429) return closedCircuit
  const failuresInARow = circuit.failuresInARow + 1
  if (failuresInARow < failuresThatOpen) return { failuresInARow, notBefore: 0 }
  const openMs = Math.min(maxOpenMs, secondMs * 2 ** (failuresInARow - failuresThatOpen))
  return { failuresInARow, notBefore: now + openMs }
}

/** How many attempts may be under way to the endpoint at once. */
export const allowedInFlight = ({ failuresInARow }: Circuit, maxInFlight: number) =>
  failuresInARow >= failuresThatOpen ? 1 : maxInFlight

const pauseAfterMs = 5 * dayMs

/** So that a lone failure, and another one days later, are not taken for days of failures. */
const failuresThatPause = 10

/**
 * Whether an endpoint is to be paused: it has had nothing but failures for five days, and ten of them. `failingSince`
 * (ms) is when the first attempt after the last success failed; null when the last one succeeded.
 */
export const isPauseDue = ({
  failingSince,
  failures,
  now,
}: {
  failingSince: number | null
  failures: number
  now: number
}) => failingSince !== null && failures >= failuresThatPause && now - failingSince >= pauseAfterMs

const isSuccess = ({ statusCode }: AttemptResult) =>
  statusCode !== null && statusCode >= 200 && statusCode <= 299

/** In whole ms and never outside of ±10 %. */
const jittered = (waitMs: number, random: () => number) => {
  const spreadMs = Math.floor(waitMs / 10)
  return waitMs - spreadMs + Math.floor(random() * (2 * spreadMs + 1))
}

/**
 * The ms from `now` that a `Retry-After` header asks for (RFC 9110, 10.2.3): a number of seconds or an HTTP-date;
 * below 0 for a date that is over. Undefined when there is none or it is malformed.
 */
const parseRetryAfter = (header: string | null, now: number) => {
  const text = header?.trim() ?? ''
  if (/^\d+$/.test(text)) return Number(text) * secondMs
  const at = parseHttpDate(text)
  return at === undefined ? undefined : at - now
}

/** RFC 9110, 5.6.7: the fixed format, and the two obsolete ones that a recipient must take as well. */
const httpDates = [
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/,
  /^(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT$/,
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/,
]

/** In ms; undefined when the text is no HTTP-date. `Date.parse` alone takes much that is none. */
const parseHttpDate = (text: string) => {
  if (!httpDates.some((pattern) => pattern.test(text))) return undefined
  // the last format does not say that it is in UTC
  const at = Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`)
  return Number.isNaN(at) ? undefined : at
}
