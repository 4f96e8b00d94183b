import { z } from '@hono/zod-openapi'
import { blankInterface, defaultVersionOf, jsonSchemaSchema } from '@onqueue/shared'
import type { ModelEntry, ServedVersion } from '@onqueue/shared'
import type { WaitingPredictions } from './waiting-predictions.ts'
import { showSchema } from './shown-schema.ts'

const modelStatusSchema = z.enum(['loading', 'ready', 'refused', 'unavailable'])

/** The card of a model: what it takes and gives, and how it is doing. The resource of `GET /v1/models/{model}`. */
export const cardSchema = z
  .object({
    object: z.literal('model'),
    name: z.string(),
    status: modelStatusSchema.describe(
      'That of the default version. unavailable: no worker has it right now, or can load it; where there is a reason, it is tried again.',
    ),
    reason: z.string().optional().describe('Why it is not ready.'),
    warnings: z.array(z.string()),
    description: z.string().nullable(),
    task: z.string().nullable(),
    default_version: z.string().nullable().describe('What a prediction gets that asks for no version.'),
    versions: z.array(
      z.object({
        version: z.string(),
        id: z
          .string()
          .describe('The digest of the definition: what the Replicate dialect calls a version id.'),
        digest: z.string(),
        status: modelStatusSchema,
      }),
    ),
    input_schema: jsonSchemaSchema
      .nullable()
      .describe('JSON Schema of one row; null until it was loaded once.'),
    output_schema: jsonSchemaSchema.nullable(),
    example: z.unknown().describe('An input that works.'),
    batching: z
      .object({
        enabled: z.boolean(),
        max_rows: z.int().describe('The most rows that may ever run together.'),
        row_limit: z
          .int()
          .optional()
          .describe(
            'How many rows run together at present, by what runs take; where workers differ, the fewest. Absent while no worker tells.',
          ),
        row_limit_reason: z.string().optional().describe('Why it is not more.'),
        max_wait_ms: z.number(),
        reason: z.string().nullable().describe('Why rows of different predictions do not share a run.'),
      })
      .nullable(),
    providers: z.array(z.string()).describe('ONNX Runtime execution providers in use.'),
    takes_batches: z
      .boolean()
      .describe('false where model.yaml has batch: { executor: off }: no files of rows are scored by it.'),
    memory_bytes: z.int().describe('What all live workers together hold for this model.'),
    workers: z.int().describe('Live workers that have this model.'),
    backlog: z.object({
      waiting: z.int().describe('Predictions that wait for a worker.'),
      oldest_age: z
        .number()
        .nullable()
        .describe('Seconds that the oldest of them has waited; null when none does.'),
    }),
    urls: z.object({ get: z.string(), predict: z.string(), predictions: z.string() }),
  })
  .openapi('Model')
export type Card = z.infer<typeof cardSchema>

/** Everything that is said of a model as a whole is said of its default version. */
export const toCard = (
  entry: ModelEntry,
  waiting: WaitingPredictions,
  urls: Card['urls'],
  /** id of the storage in which files of batches are */
  storage?: string,
): Card => {
  const served = defaultVersionOf(entry.versions)
  const offered = served?.card.interface ?? blankInterface
  const reason = reasonOf(served)
  return {
    object: 'model',
    name: entry.name,
    status: served?.status ?? 'unavailable',
    ...(reason === null ? {} : { reason }),
    warnings: [
      ...offered.warnings,
      ...entry.versions.flatMap(describeConflict),
      ...describeOtherStorage(entry, storage),
      ...entry.versions.filter((version) => version !== served).flatMap(describeFailure),
    ],
    description: offered.description,
    task: offered.task,
    default_version: served?.version ?? null,
    versions: entry.versions.map(({ version, status, card: { digest } }) => ({
      version,
      id: digest,
      digest,
      status,
    })),
    input_schema: offered.inputSchema && showSchema(offered.inputSchema),
    output_schema: offered.outputSchema,
    example: offered.example,
    batching: served
      ? {
          enabled: offered.batching.enabled,
          max_rows: offered.batching.maxRows,
          ...showRowLimit(entry, served),
          max_wait_ms: offered.batching.maxWaitMs,
          reason: offered.batching.reason,
        }
      : null,
    providers: offered.providers,
    // workers that know of no such setting say nothing of it
    takes_batches: served?.card.interface?.takesBatches ?? true,
    memory_bytes: sumMemory(entry),
    workers: entry.heartbeats.length,
    backlog: { waiting: waiting.count, oldest_age: waiting.oldestAgeSeconds },
    urls,
  }
}

/** Where a model is found; `publicUrl` without a slash at its end. */
export const cardUrls = (publicUrl: string, model: string): Card['urls'] => {
  const get = `${publicUrl}/v1/models/${model}`
  return { get, predict: `${get}/predict`, predictions: `${get}/predictions` }
}

const showRowLimit = ({ heartbeats }: ModelEntry, { card }: ServedVersion) => {
  const states = heartbeats.flatMap(({ versions }) => versions.filter(({ digest }) => digest === card.digest))
  const [lowest] = states.flatMap(({ rowLimit }) => rowLimit ?? []).sort((a, b) => a.rows - b.rows)
  return lowest ? { row_limit: lowest.rows, row_limit_reason: lowest.reason } : {}
}

const reasonOf = (served: ServedVersion | undefined) => {
  if (!served) return 'no worker has published a version of it'
  return served.reason ?? (served.status === 'unavailable' ? 'no live worker has it' : null)
}

const describeConflict = ({ version, card, conflictingDigests }: ServedVersion) =>
  conflictingDigests.length === 0
    ? []
    : [
        `workers have different files of version ${version}: new predictions get ${short(card.digest)}, also live ` +
          `${conflictingDigests.length === 1 ? 'is' : 'are'} ${conflictingDigests.map(short).join(', ')}; ` +
          'unless a roll-out is going on, give all workers the same folder',
      ]

const describeOtherStorage = ({ heartbeats }: ModelEntry, storage: string | undefined) => {
  const others = heartbeats.flatMap((worker) => worker.storage ?? []).filter((id) => id !== storage)
  if (storage === undefined || others.length === 0) return []
  return [
    `${others.length} of ${heartbeats.length} workers have another storage (${[...new Set(others)].join(', ')}) than this server (${storage}), and ` +
      'score no batches of it: give all of them one folder that they share, in ONQUEUE_STORAGE',
  ]
}

/** What an operator should know of a version that is not the default. */
const describeFailure = ({ version, status, reason }: ServedVersion) => {
  if (status === 'refused') return [`version ${version} is refused: ${reason ?? 'its worker gave no reason'}`]
  return status === 'unavailable' && reason !== null ? [`version ${version} is unavailable: ${reason}`] : []
}

const sumMemory = ({ heartbeats }: ModelEntry) =>
  heartbeats.reduce(
    (sum, { versions }) => sum + versions.reduce((own, { memoryBytes }) => own + memoryBytes, 0),
    0,
  )

const short = (digest: string) => digest.slice(0, 12)
