import { lookup as lookupByDns } from 'node:dns/promises'
import { callerKindOf } from '@onqueue/shared'
import type {
  DeliveryStore,
  Logger,
  ReceiverPolicies,
  ReceiverPolicy,
  WebhookSecretStore,
} from '@onqueue/shared'
import type { DeliverySchedule } from '../schedule/delivery-schedule.ts'
import type { AttemptResult } from './attempt-result.ts'
import { createHttpAttempt } from './http-attempt.ts'
import { createMakeAttempt } from './make-attempt.ts'
import type { NextStep } from './retry-policy.ts'
import { shareLookups } from './share-lookups.ts'

/** Attempts at addresses that callers chose: `close` cuts off those under way, which are then made again elsewhere. */
export const openAttempts = ({
  secrets,
  schedule,
  deliveries,
  receivers,
  connectTimeoutMs,
  totalTimeoutMs,
  waits,
  clock,
  log,
  onAttempt,
}: {
  secrets: WebhookSecretStore
  schedule: DeliverySchedule
  deliveries: DeliveryStore
  receivers: ReceiverPolicies
  connectTimeoutMs: number
  totalTimeoutMs: number
  /** before each attempt, in ms */
  waits: readonly number[]
  /** Redis' */
  clock: () => number
  log: Logger
  onAttempt: (result: AttemptResult, step: NextStep['kind']) => void
}) => {
  let isStopped = false
  const lookup = shareLookups((hostname) => lookupByDns(hostname, { all: true }))
  const open = (policy: ReceiverPolicy) =>
    createHttpAttempt({ ...policy, connectTimeoutMs, totalTimeoutMs, lookup })
  // a connection that is kept alive was let through for one kind of caller, and is none for the other
  const http = { anonymous: open(receivers.anonymous), withKey: open(receivers.withKey) }
  return {
    make: createMakeAttempt({
      httpFor: (owner) => http[callerKindOf(owner)],
      secrets,
      schedule,
      deliveries,
      timeoutMs: totalTimeoutMs,
      isStopped: () => isStopped,
      waits,
      clock,
      log,
      onAttempt,
    }),
    close: () => {
      isStopped = true
      for (const attempts of Object.values(http)) attempts.close()
    },
  }
}
