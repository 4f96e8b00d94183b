import { outlastRefusals, signingKeysOf } from '@onqueue/shared'
import type { DeliveryAttempt, DeliveryStore, Logger, WebhookSecretStore } from '@onqueue/shared'
import type { DeliverySchedule, LeasedDelivery, Verdict } from '../schedule/delivery-schedule.ts'
import type { AttemptResult } from './attempt-result.ts'
import type { HttpAttempt } from './http-attempt.ts'
import { isPauseDue, nextStep } from './retry-policy.ts'
import type { NextStep } from './retry-policy.ts'
import { signatureHeaders } from './sign.ts'

/**
 * One attempt of a delivery: signs its body, posts it, and notes what came of it. Resolves to the receiver's answer.
 * Rejects when Redis can't be reached: the lease then runs out, and the delivery is attempted again.
 */
export type MakeAttempt = (delivery: LeasedDelivery) => Promise<AttemptResult>

/** So that a delivery takes a bounded place in Redis, however often it is redelivered. */
const maxAttemptsKept = 25

export const createMakeAttempt = ({
  httpFor,
  secrets,
  schedule,
  deliveries,
  timeoutMs,
  isStopped,
  waits,
  log,
  onAttempt,
  clock,
  random = Math.random,
}: {
  httpFor: (owner: string) => HttpAttempt
  secrets: WebhookSecretStore
  schedule: DeliverySchedule
  deliveries: DeliveryStore
  /** of one attempt */
  timeoutMs: number
  /** attempts are being cut off, since the process ends */
  isStopped: () => boolean
  /** waits before each attempt, in ms */
  waits: readonly number[]
  log: Logger
  onAttempt: (result: AttemptResult, step: NextStep['kind']) => void
  /** Redis', since receivers compare it with theirs, and leases are by it */
  clock: () => number
  random?: () => number
}): MakeAttempt => {
  const post = ({ record, body }: LeasedDelivery, keys: string[], at: number) => {
    const { id, url, event, owner } = record
    return httpFor(owner).post({
      url,
      body,
      headers: {
        ...signatureHeaders({ id, timestampSeconds: Math.floor(at / 1000), body, keys }),
        'content-type': 'application/json',
        'content-length': String(body.length),
        'user-agent': 'OnQueue-Webhooks/1',
        'onqueue-event': event,
      },
    })
  }

  return async (delivery) => {
    const { record, endpoint } = delivery
    const owned = await secrets.read(record.owner)
    const at = clock()
    // this process was held up, and another one may have it by now
    if (at + timeoutMs > delivery.leaseUntil) throw new Error('its lease is over')
    const result = await post(delivery, signingKeysOf(owned, at), at)
    if (result.statusCode === null && isStopped()) throw new Error('it was cut off: the process ends')
    const tries = record.tries + 1
    const step = nextStep({ attempt: tries, schedule: waits, result, now: clock(), random })
    const verdict: Verdict = {
      ...step,
      tries,
      attempts: [...withoutHeads(record.attempts), toAttempt(result, at)].slice(-maxAttemptsKept),
    }
    // it was posted: noted as long as nobody else may have it, or it would be posted again
    const { isNoted, failingSince, failures } = await outlastRefusals(
      () => schedule.settle(delivery, verdict),
      AbortSignal.timeout(Math.max(0, delivery.leaseUntil - clock())),
    )
    onAttempt(result, step.kind)
    const about = { deliveryId: record.id, predictionId: record.predictionId, attempt: tries }
    if (step.kind === 'failed') log.warn({ ...about, error: result.error }, 'delivery failed')
    else log.debug({ ...about, status: result.statusCode, error: result.error }, 'delivery attempted')
    if (step.kind === 'delivered' || (isNoted && step.kind === 'failed')) await deliveries.release(record)
    if (isPauseDue({ failingSince, failures, now: clock() })) {
      await schedule.pause(endpoint, failingSince)
      log.error({ endpoint, failingSince }, 'endpoint paused: it failed for five days')
    }
    return result
  }
}

/** The newest answers are what somebody who looks for the reason wants to see; all of them would take much room. */
const withoutHeads = (attempts: DeliveryAttempt[]) =>
  attempts.map((attempt, index) =>
    index < attempts.length - 2 ? { ...attempt, response_head: null } : attempt,
  )

const toAttempt = (result: AttemptResult, at: number): DeliveryAttempt => ({
  at: new Date(at).toISOString(),
  status_code: result.statusCode,
  duration: result.durationMs / 1000,
  error: result.error,
  response_head: result.responseHead,
})
