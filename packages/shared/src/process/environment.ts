import { join } from 'node:path'
import { z } from 'zod'
import { parseNetworks } from '../addresses/networks.ts'
import { urlHost } from './url-host.ts'
import { createReceiverPolicies } from '../webhooks/receiver-policy.ts'

/** A configuration that can't be used. The message lists every problem, a line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** The settings of one process. Each has a description and a default, from which `.env.example` is made. */
export const parseEnvironment = <Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  environment: Record<string, string | undefined>,
): Readonly<z.infer<z.ZodObject<Shape>>> => {
  const known = Object.fromEntries(
    Object.keys(schema.shape).flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])),
  )
  const parsed = schema.safeParse(known)
  if (parsed.success) return Object.freeze(parsed.data)
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new ConfigError(
    `these settings can't be used; correct them and start again:\n  ${problems.join('\n  ')}`,
  )
}

export const portSetting = (fallback: number) =>
  z.coerce
    .number('must be a port number')
    .int()
    .min(0, 'must be a port number')
    .max(65535, 'must be a port number')
    .default(fallback)

export const integerSetting = (
  fallback: number,
  { min = 1, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } = {},
) =>
  z.coerce
    .number('must be a whole number')
    .int('must be a whole number')
    .min(min, `must be at least ${min}`)
    .max(max, `must be at most ${max}`)
    .default(fallback)

export const booleanSetting = (fallback: boolean) =>
  z
    .enum(['true', 'false'], 'must be true or false')
    .default(fallback ? 'true' : 'false')
    .transform((value) => value === 'true')

/** A length of time: `90`, `90s`, `10m`, `24h` or `1h30m`. In milliseconds. */
export const durationSetting = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const seconds = parseDuration(text)
      if (seconds === undefined) {
        context.addIssue({ code: 'custom', message: 'must be a duration such as 90s, 10m, 24h or 1h30m' })
        return z.NEVER
      }
      return seconds * 1000
    })

/** A comma list of networks and addresses. */
export const networksSetting = () =>
  z
    .string()
    .default('')
    .transform((text, context) => {
      try {
        return parseNetworks(text)
      } catch (err) {
        context.addIssue({ code: 'custom', message: err instanceof Error ? err.message : String(err) })
        return z.NEVER
      }
    })

/** Seconds of `30`, `30s`, `10m` or `1h30m`; undefined when the text is no duration. */
export const parseDuration = (text: string) => {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  const match = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$/.exec(text)
  if (!match || text === '') return undefined
  const [, hours = '0', minutes = '0', seconds = '0'] = match
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
}

/** The settings that every process has. */
export const sharedSettings = {
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\//, 'must start with redis:// or rediss://')
    .default('redis://127.0.0.1:6379')
    .describe(
      'The Redis (7.0 or newer, maxmemory-policy noeviction) that holds queue and results. npm start brings its own.',
    ),
  ONQUEUE_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/, 'must be letters, digits, _ and -')
    .default('onqueue')
    .describe('First part of every key in Redis.'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('Least severe level that is logged.'),
  ONQUEUE_METRICS_HOSTS: z
    .string()
    .default('')
    .transform((text) => text.split(',').flatMap((name) => name.trim().toLowerCase() || []))
    .describe(
      'Names with a dot by which /metrics may be asked for on the health ports, such as worker.ml.svc.cluster.local; by address, as localhost and by names without one it always may.',
    ),
}

/** Base of every link that is given out; without a slash at its end. `port` is the API's. */
export const publicUrlOf = (
  { ONQUEUE_PUBLIC_URL, ONQUEUE_HOST }: { ONQUEUE_PUBLIC_URL?: string | undefined; ONQUEUE_HOST: string },
  port: number,
) => ONQUEUE_PUBLIC_URL ?? `http://${urlHost(ONQUEUE_HOST)}:${port}`

/** For what shows a prediction, which tells until when it is kept, and for what removes it. */
const retention = durationSetting('24h').describe('How long a finished prediction is kept at the most.')

/** The settings behind what a prediction shows of itself, the same in every process that shows one. */
export const predictionSettings = {
  ONQUEUE_PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as https://ml.example.com' })
    .refine((url) => !/[?#@]/.test(url), 'must have no query, fragment or user name: paths are put behind it')
    .transform((url) => url.replace(/\/+$/, ''))
    .optional()
    .describe('Base of every link in responses and webhooks; http://ONQUEUE_HOST:PORT when not set.'),
  ONQUEUE_HOST: z
    .string()
    .default('127.0.0.1')
    .describe('Address that the API listens on; without API keys only a loopback address.'),
  ONQUEUE_SECRET: z
    .string()
    .min(16, 'must have at least 16 characters')
    .optional()
    .describe(
      'Secret under which ids and tokens are made and webhook secrets encrypted, the same for API and webhooks; when not set, one is made and kept in Redis, where webhook secrets then are in clear.',
    ),
  ONQUEUE_SECRET_PREVIOUS: z
    .string()
    .min(16, 'must have at least 16 characters')
    .optional()
    .describe(
      'The ONQUEUE_SECRET before the current one: what was made or encrypted under it stays good, and is encrypted anew.',
    ),
  ONQUEUE_RETENTION: retention,
}

/** Of who has work wait for a version of a model, or ends what has waited. */
export const versionSettings = {
  ONQUEUE_VERSION_PATIENCE: durationSetting('10m').describe(
    'How long a prediction, or a batch, waits for a worker that has the model version it was made for.',
  ),
}

/** Of processes that have the storage. */
export const storageSettings = {
  ONQUEUE_DATA_DIR: z
    .string()
    .default('./data')
    .describe('Where files of this server are kept, such as the API keys.'),
  ONQUEUE_STORAGE: z
    .string()
    .optional()
    .describe(
      'Folder of the storage, in which uploaded files and the output of batches are kept; storage in ONQUEUE_DATA_DIR when not set. All processes that have one share it.',
    ),
  ONQUEUE_STORAGE_MIN_FREE_BYTES: integerSetting(1024 ** 3, { min: 0 }).describe(
    'Bytes of its disk that stay free: uploads that would leave less are refused with 503, and batches wait.',
  ),
}

/** The folder of the storage. */
export const storageFolderOf = (config: { ONQUEUE_STORAGE?: string | undefined; ONQUEUE_DATA_DIR: string }) =>
  config.ONQUEUE_STORAGE ?? join(config.ONQUEUE_DATA_DIR, 'storage')

export const retentionSettings = {
  ONQUEUE_RETENTION: retention,
  ONQUEUE_RETENTION_MIN: durationSetting('10m').describe(
    'How long a finished prediction, and a delivered webhook, is kept at the least, when memory is short.',
  ),
  ONQUEUE_SWEEP_WATERMARK: z.coerce
    .number('must be a number from 0 to 1')
    .min(0)
    .max(1)
    .default(0.7)
    .describe(
      "Share of Redis' maxmemory from which the oldest finished predictions, and delivered webhooks, are removed early.",
    ),
}

/** Where webhooks may go: checked when a prediction is submitted, and when its receiver is dialled. */
export const webhookSettings = {
  ONQUEUE_WEBHOOK_ALLOW_HTTP: booleanSetting(false).describe('Whether webhooks may go over http.'),
  ONQUEUE_WEBHOOK_ALLOWED_NETWORKS: networksSetting().describe(
    'Networks that are not public and webhooks may go to all the same, such as 10.0.0.0/8,fd00::/8.',
  ),
  ONQUEUE_WEBHOOK_ANONYMOUS_LOOPBACK: booleanSetting(false).describe(
    'Whether webhooks of callers without an API key may go to loopback, and over http. npm start on loopback sets true, unless one of the two above is set.',
  ),
}

export const receiverPoliciesOf = (config: z.infer<z.ZodObject<typeof webhookSettings>>) =>
  createReceiverPolicies({
    allowedNetworks: config.ONQUEUE_WEBHOOK_ALLOWED_NETWORKS,
    allowHttp: config.ONQUEUE_WEBHOOK_ALLOW_HTTP,
    anonymousLoopback: config.ONQUEUE_WEBHOOK_ANONYMOUS_LOOPBACK,
  })
