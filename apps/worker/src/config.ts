import { z } from 'zod'
import { priorities } from './batches/priority.ts'
import {
  durationSetting,
  integerSetting,
  parseEnvironment,
  portSetting,
  retentionSettings,
  sharedSettings,
  storageSettings,
  versionSettings,
} from '@onqueue/shared'

export const settings = z.object({
  ...sharedSettings,
  ...retentionSettings,
  ...storageSettings,
  ...versionSettings,
  ONQUEUE_MODELS_DIR: z.string().default('./models').describe('The model repository: one folder a model.'),
  ONQUEUE_MODELS_LINKS: z
    .string()
    .default('')
    .transform((text) => text.split(/[,:]/).flatMap((folder) => folder.trim() || []))
    .describe(
      'Folders outside of ONQUEUE_MODELS_DIR that links in it may lead into, such as /mnt/models,/srv/cache; links that stay inside need none.',
    ),
  ONQUEUE_WORKER_HEALTH_HOST: z
    .string()
    .default('127.0.0.1')
    .describe("Address of the worker's health port: /livez, /readyz, /metrics."),
  ONQUEUE_WORKER_HEALTH_PORT: portSetting(8082).describe("The worker's health port."),
  ONQUEUE_READY: z
    .enum(['default', 'all'])
    .default('default')
    .describe(
      'What has to be loaded for the worker to become ready: the default version of each model that is not refused for its files, or all versions.',
    ),
  ONQUEUE_WORKER_GRACE: durationSetting('25s').describe(
    'How long predictions in hand may take to finish when the worker is told to stop; the rest goes back to the queue.',
  ),
  ONQUEUE_CORES: integerSetting(0, { min: 0 }).describe(
    'Cores to plan executors for; 0 takes what the machine or its cgroup allows.',
  ),
  ONQUEUE_OWN_EXECUTORS: z.coerce
    .number('must be a whole number')
    .int('must be a whole number')
    .min(0, 'must be at least 0')
    .optional()
    .describe(
      'How many executors are started for one model version each; beyond them small versions share some. Two for each core when not set.',
    ),
  ONQUEUE_BATCH_EXECUTORS: z.coerce
    .number('must be a whole number')
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .optional()
    .describe('How many processes score batches at once; one for each core when not set.'),
  ONQUEUE_BATCH_PRIORITY: z
    .enum(priorities)
    .default('idle')
    .describe(
      'What batches have of the cores: idle (what nobody else wants, so that callers feel nothing), low (nice 10), or normal.',
    ),
})

export type WorkerConfig = Readonly<z.infer<typeof settings>>

export const readConfig = (environment: Record<string, string | undefined>): WorkerConfig =>
  parseEnvironment(settings, environment)
