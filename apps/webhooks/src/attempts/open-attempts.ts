import { lookup as lookupByDns } from 'node:dns/promises'
import { createAddressPolicy, createWebhookSecrets } from '@onqueue/shared'
import type { DeliveryStore, Logger, RedisStore } from '@onqueue/shared'
import type { DeliverySchedule } from '../schedule/delivery-schedule.ts'
import type { AttemptResult } from './attempt-result.ts'
import { createHttpAttempt } from './http-attempt.ts'
import { createMakeAttempt } from './make-attempt.ts'
import type { NextStep } from './retry-policy.ts'
import { shareLookups } from './share-lookups.ts'

/** Attempts at addresses that callers chose: `close` cuts off those under way, which are then made again elsewhere. */
export const openAttempts = ({
  redis,
  namespace,
  schedule,
  deliveries,
  allowHttp,
  allowedNetworks,
  connectTimeoutMs,
  totalTimeoutMs,
  waits,
  log,
  onAttempt,
}: RedisStore & {
  schedule: DeliverySchedule
  deliveries: DeliveryStore
  allowHttp: boolean
  allowedNetworks: readonly string[]
  connectTimeoutMs: number
  totalTimeoutMs: number
  /** before each attempt, in ms */
  waits: readonly number[]
  log: Logger
  onAttempt: (result: AttemptResult, step: NextStep['kind']) => void
}) => {
  let isStopped = false
  const http = createHttpAttempt({
    addresses: createAddressPolicy({ allowedNetworks }),
    allowHttp,
    connectTimeoutMs,
    totalTimeoutMs,
    lookup: shareLookups((hostname) => lookupByDns(hostname, { all: true })),
  })
  return {
    make: createMakeAttempt({
      http,
      secrets: createWebhookSecrets({ redis, namespace }),
      schedule,
      deliveries,
      timeoutMs: totalTimeoutMs,
      isStopped: () => isStopped,
      waits,
      log,
      onAttempt,
    }),
    close: () => {
      isStopped = true
      http.close()
    },
  }
}
