import { modelOfPredictionId, signingKeysOf } from '@onqueue/shared'
import type { DeliveryAttempt, Logger, WebhookSecretStore } from '@onqueue/shared'
import type { DeliverySchedule, LeasedDelivery, Verdict } from './delivery-schedule.ts'
import type { Freezer } from './freeze-deliveries.ts'
import type { AttemptResult, HttpAttempt } from './http-attempt.ts'
import { isPauseDue, nextStep } from './retry-policy.ts'
import type { NextStep } from './retry-policy.ts'
import { signatureHeaders } from './sign.ts'

/**
 * One attempt of a delivery: signs its body, posts it, and notes what came of it. Resolves to the receiver's answer.
 * Rejects when Redis can't be reached: the lease then runs out, and the delivery is attempted again.
 */
export type MakeAttempt = (delivery: LeasedDelivery) => Promise<AttemptResult>

/** So that a delivery takes a bounded place in Redis, however often it is redelivered. */
const attemptsKept = 25

export const createMakeAttempt = ({
  http,
  secrets,
  schedule,
  freezer,
  waits,
  log,
  onAttempt,
  clock = Date.now,
  random = Math.random,
}: {
  http: HttpAttempt
  secrets: WebhookSecretStore
  schedule: DeliverySchedule
  freezer: Freezer
  /** waits before each attempt, in ms */
  waits: readonly number[]
  log: Logger
  onAttempt: (result: AttemptResult, step: NextStep['kind']) => void
  clock?: () => number
  random?: () => number
}): MakeAttempt => {
  const post = async ({ record, body }: LeasedDelivery, at: number) => {
    const { id, url, event, owner } = record
    const keys = signingKeysOf(await secrets.read(owner), at)
    return http.post({
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

  const release = async ({ record: { predictionId, event, holdsPrediction } }: LeasedDelivery) => {
    const model = predictionId === null ? undefined : modelOfPredictionId(predictionId)
    if (!holdsPrediction || predictionId === null || model === undefined) return
    await freezer.release(predictionId, model, event === 'prediction.started' ? 'start' : 'completed')
  }

  return async (delivery) => {
    const { record, endpoint } = delivery
    const at = clock()
    const result = await post(delivery, at)
    const tries = record.tries + 1
    const step = nextStep({ attempt: tries, schedule: waits, result, now: clock(), random })
    const verdict: Verdict = {
      ...step,
      tries,
      attempts: [...record.attempts, toAttempt(result, at)].slice(-attemptsKept),
    }
    const { isMine, failingSince, failures } = await schedule.settle(delivery, verdict)
    onAttempt(result, step.kind)
    const about = { deliveryId: record.id, predictionId: record.predictionId, attempt: tries }
    if (step.kind === 'failed') log.warn({ ...about, error: result.error }, 'delivery failed')
    else log.debug({ ...about, status: result.statusCode, error: result.error }, 'delivery attempted')
    if (isMine && step.kind !== 'retry') await release(delivery)
    if (isPauseDue({ failingSince, failures, now: clock() })) {
      await schedule.pause(endpoint)
      log.error({ endpoint, failingSince }, 'endpoint paused: it failed for five days')
    }
    return result
  }
}

const toAttempt = (result: AttemptResult, at: number): DeliveryAttempt => ({
  at: new Date(at).toISOString(),
  status_code: result.statusCode,
  duration: result.durationMs / 1000,
  error: result.error,
  response_head: result.responseHead,
})
