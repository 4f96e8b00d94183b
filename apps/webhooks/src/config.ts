import {
  durationSetting,
  integerSetting,
  parseEnvironment,
  portSetting,
  predictionSettings,
  retentionSettings,
  sharedSettings,
  webhookSettings,
} from '@onqueue/shared'
import { z } from 'zod'
import { scheduleSetting } from './attempts/retry-policy.ts'

export const settings = z.object({
  ...sharedSettings,
  ...predictionSettings,
  ...retentionSettings,
  PORT: portSetting(8080).describe('Port of the API, for links where ONQUEUE_PUBLIC_URL is not set.'),
  ONQUEUE_WEBHOOKS_HEALTH_HOST: z
    .string()
    .default('127.0.0.1')
    .describe("Address of the webhooks process's health port: /livez, /readyz, /metrics."),
  ONQUEUE_WEBHOOKS_HEALTH_PORT: portSetting(8083).describe("The webhooks process's health port."),
  ...webhookSettings,
  ONQUEUE_WEBHOOK_SCHEDULE: scheduleSetting().describe(
    'Waits before each attempt of a delivery, which has as many attempts as waits.',
  ),
  ONQUEUE_WEBHOOK_CONNECT_TIMEOUT: durationSetting('3s').describe('For DNS, TCP and TLS of one attempt.'),
  ONQUEUE_WEBHOOK_TIMEOUT: durationSetting('15s').describe('For one whole attempt.'),
  ONQUEUE_WEBHOOK_IN_FLIGHT: integerSetting(256).describe('Attempts of this process at the same time.'),
  ONQUEUE_WEBHOOK_IN_FLIGHT_PER_ENDPOINT: integerSetting(16).describe(
    'Attempts of this process at the same time for one owner and origin.',
  ),
  ONQUEUE_WEBHOOK_FAILED_RETENTION: durationSetting('168h').describe(
    'How long a failed delivery is kept, and can be redelivered.',
  ),
  ONQUEUE_WEBHOOKS_GRACE: durationSetting('20s').describe(
    'How long attempts under way may take when the process is told to stop; the others are made again elsewhere.',
  ),
})

export type WebhooksConfig = Readonly<z.infer<typeof settings>>

export const readConfig = (environment: Record<string, string | undefined>): WebhooksConfig =>
  parseEnvironment(settings, environment)
