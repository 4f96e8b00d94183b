import { z } from 'zod'

export const priorities = ['low', 'normal', 'high'] as const
export const prioritySchema = z.enum(priorities)
export type Priority = z.infer<typeof prioritySchema>

/** BullMQ's numbers: it serves 0 first, which is kept for predictions that only have to be cleared away. */
export const queuePriority: Record<Priority, number> = { high: 2, normal: 5, low: 8 }

/** `start`: a worker took it (best effort). `completed`: it is final, however it ended. */
export const webhookEvents = ['start', 'completed'] as const
export const webhookRequestSchema = z.object({
  url: z.string(),
  events: z.array(z.enum(webhookEvents)),
  /** `thin` leaves out input and output */
  payload: z.enum(['full', 'thin']),
})
/** What the owner of a prediction wants to be told, and where. */
export type WebhookRequest = z.infer<typeof webhookRequestSchema>

/** What a prediction's BullMQ job carries. Times are milliseconds since the epoch. */
export const predictionJobSchema = z.object({
  model: z.string(),
  version: z.string(),
  /** which definition of the version the input was checked against */
  digest: z.string(),
  owner: z.string(),
  requestId: z.string(),
  /** absent where the input is kept under its own key */
  input: z.unknown().optional(),
  /** size of the input as JSON; workers bound what they hold by it */
  inputBytes: z.int().default(0),
  /** rows in the input; null where it is one object and not an array */
  arrayLength: z.int().nullable(),
  priority: prioritySchema,
  metadata: z.record(z.string(), z.string()),
  deadline: z.number().nullable(),
  createdAt: z.number(),
  webhook: webhookRequestSchema.optional(),
  /** which API key submitted it, by the beginning of its hash; null where none was needed, absent from the release before */
  keyId: z.string().nullable().optional(),
  /** the API process whose caller waits: it is sent the outcome; absent where none does, and from the release before */
  replyTo: z.string().optional(),
})
export type PredictionJobData = z.infer<typeof predictionJobSchema> & {
  /** the pack that it came in (pack.ts); absent of one that is a job by itself */
  packId?: string
}

/** How many rows a prediction has. */
export const rowsOf = ({ arrayLength }: Pick<PredictionJobData, 'arrayLength'>) => arrayLength ?? 1
