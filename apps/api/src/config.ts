import { join } from 'node:path'
import {
  booleanSetting,
  durationSetting,
  integerSetting,
  networksSetting,
  parseEnvironment,
  portSetting,
  predictionSettings,
  sharedSettings,
  storageSettings,
  versionSettings,
  webhookSettings,
} from '@onqueue/shared'
import { z } from 'zod'

export const settings = z.object({
  ...sharedSettings,
  ...predictionSettings,
  ...storageSettings,
  ...versionSettings,
  PORT: portSetting(8080).describe('Port of the API.'),
  ONQUEUE_API_HEALTH_HOST: z
    .string()
    .default('127.0.0.1')
    .describe("Address of the API's health port: /livez, /readyz, /metrics."),
  ONQUEUE_API_HEALTH_PORT: portSetting(8081).describe("The API's health port."),
  ONQUEUE_API_DRAIN: durationSetting('0s').describe(
    'How long the API goes on as before when it is told to stop, while /readyz is 503: as long as a load balancer takes to notice.',
  ),
  ONQUEUE_API_GRACE: durationSetting('25s').describe(
    'How long requests under way, such as waits for a result, may take after that; no new connections are taken.',
  ),
  ONQUEUE_API_KEYS: z
    .string()
    .optional()
    .describe('API keys as name:sha256, separated by commas; npm run keys -- create NAME makes one.'),
  ONQUEUE_API_KEYS_FILE: z
    .string()
    .optional()
    .describe('File with API keys, one a line; api-keys in ONQUEUE_DATA_DIR when not set.'),
  ONQUEUE_ALLOW_ANONYMOUS: booleanSetting(false).describe(
    'Whether to listen on other addresses than loopback without API keys.',
  ),
  ONQUEUE_DEFAULT_MODEL: z
    .string()
    .default('demo-classifier')
    .describe('The model behind POST /predict and GET /health.'),
  ONQUEUE_BODY_LIMIT_BYTES: integerSetting(10 * 1024 * 1024, { max: 100 * 1024 * 1024 }).describe(
    'Longest request body, 100 MB at the most. To read one may take 256 MB and 24 times its length.',
  ),
  ONQUEUE_CONNECTIONS_PER_ADDRESS: integerSetting(1000, { min: 0 }).describe(
    'Connections that one address may have open here; more are answered with 429. 0 bounds none.',
  ),
  ONQUEUE_TRUSTED_PROXIES: networksSetting().describe(
    'Addresses and networks of proxies in front of this server, such as 127.0.0.1,10.0.0.0/8: their requests count for the address that they name in X-Forwarded-For.',
  ),
  ONQUEUE_CORS_ORIGINS: originsSetting().describe(
    'Origins of web pages that may call this server from a browser, such as https://app.example.com; none when not set. * is any origin, where there are API keys.',
  ),
  ONQUEUE_UNDER_WAY_LIMIT_BYTES: integerSetting(64 * 1024 * 1024).describe(
    'Bytes of request bodies and of answers that this process has in memory at once; requests beyond are refused with 503. At least twice ONQUEUE_BODY_LIMIT_BYTES.',
  ),
  ONQUEUE_BODY_TIMEOUT: durationSetting('60s').describe(
    'How long a request may take to arrive, its body included; then it is ended with 408.',
  ),
  ONQUEUE_OPEN_BODIES_PER_KEY: integerSetting(32).describe(
    'Bodies of more than 64 KB that one key may have under way at once; more are refused with 429, four times as many of all keys with 503.',
  ),
  ONQUEUE_STREAMS_PER_KEY: integerSetting(500).describe(
    'Streams of events, and of outputs that are waited for, that one key may have open; more are refused as bodies are.',
  ),
  ONQUEUE_WAITS_PER_KEY: integerSetting(1000).describe(
    'Requests of one key that may wait for a result; more are refused as bodies are.',
  ),
  ONQUEUE_TRANSFERS_PER_KEY: integerSetting(8).describe(
    'Files of one key that may be sent or read at once; more are refused as bodies are.',
  ),
  ONQUEUE_FILE_MAX_BYTES: integerSetting(4 * 1024 ** 3).describe('Longest file, decoded.'),
  ONQUEUE_FILE_TTL: durationSetting('168h').describe('How long a file is kept after it was uploaded.'),
  ONQUEUE_BATCH_TTL: durationSetting('168h').describe(
    'How long a batch may take, and how long it is kept after its end.',
  ),
  ONQUEUE_OWNER_MAX_BYTES: integerSetting(20 * 1024 ** 3).describe(
    'Bytes of files that one owner may have; uploads beyond are refused with 429.',
  ),
  ONQUEUE_OWNER_MAX_FILES: integerSetting(10_000).describe(
    'Files that one owner may have; uploads beyond are refused with 429.',
  ),
  ONQUEUE_OWNER_MAX_BATCHES: integerSetting(100).describe(
    'Batches of one model that an owner may have which have not ended; more are refused with 429.',
  ),
  ONQUEUE_BACKLOG_LIMIT: integerSetting(50_000).describe(
    'Rows of a model that may wait or run; predictions beyond are refused with 429.',
  ),
  ONQUEUE_MEMORY_WATERMARK: z.coerce
    .number('must be a number from 0 to 1')
    .min(0, 'must be a number from 0 to 1')
    .max(1, 'must be a number from 0 to 1')
    .default(0.85)
    .describe("Share of Redis' maxmemory in use from which predictions are refused with 429."),
  ONQUEUE_PACKS: booleanSetting(true).describe(
    'Whether predictions that arrive together share a job. Turn it off, and let the queues run empty, before you go back to a release that reads no packs.',
  ),
  ...webhookSettings,
  ONQUEUE_WEBHOOK_BYTES_LIMIT: integerSetting(64 * 1024 * 1024).describe(
    'Bytes of undelivered webhook bodies of one owner; predictions with a webhook beyond are refused with 429.',
  ),
})

/** A comma list of origins, or `*`. */
function originsSetting() {
  const isOrigin = (text: string) => text === '*' || (!text.includes('*') && URL.parse(text)?.origin === text)
  return z
    .string()
    .default('')
    .transform((text) => text.split(',').map((part) => part.trim().replace(/\/$/, '')))
    .transform((origins) => origins.filter((origin) => origin !== ''))
    .refine(
      (origins) => origins.every(isOrigin),
      'must be origins such as https://app.example.com: scheme, host and port, no path, pattern, capitals or default port',
    )
}

export type ApiConfig = Readonly<z.infer<typeof settings>>

export const readConfig = (environment: Record<string, string | undefined>): ApiConfig =>
  parseEnvironment(settings, environment)

export const keysFileOf = ({ ONQUEUE_API_KEYS_FILE, ONQUEUE_DATA_DIR }: ApiConfig) =>
  ONQUEUE_API_KEYS_FILE ?? join(ONQUEUE_DATA_DIR, 'api-keys')
