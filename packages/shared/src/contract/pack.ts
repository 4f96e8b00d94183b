import { z } from 'zod'
import { predictionJobSchema } from './prediction-job.ts'
import type { PredictionJobData } from './prediction-job.ts'

/**
 * A *pack*: predictions that were submitted together and share one BullMQ job. Each has an id, an outcome, a deadline and a
 * webhook of its own; the job completes when all have ended.
 */

/** What the BullMQ job of a pack carries: what its predictions have in common. */
export const packJobSchema = predictionJobSchema
  .pick({
    model: true,
    version: true,
    digest: true,
    owner: true,
    priority: true,
    createdAt: true,
    keyId: true,
    replyTo: true,
  })
  .extend({
    /** how many predictions */
    pack: z.int(),
    /** of all of them */
    rows: z.int(),
    inputBytes: z.int(),
  })
export type PackJobData = z.infer<typeof packJobSchema>

/** What the pack keeps of each prediction, beside its input. What most have is left out. */
export const packMemberSchema = predictionJobSchema.pick({ requestId: true, webhook: true }).extend({
  arrayLength: z.int().nullable().default(null),
  deadline: z.number().nullable().default(null),
  metadata: z.record(z.string(), z.string()).default({}),
})
type PackMember = z.infer<typeof packMemberSchema>

/** Whether the data of a job is that of a pack. */
export const isPackJob = (data: object) => 'pack' in data

/** A member as it is kept: scripts find the deadline in front. */
export const packMemberText = ({ requestId, webhook, arrayLength, deadline, metadata }: PredictionJobData) =>
  JSON.stringify({
    ...(deadline === null ? {} : { deadline }),
    requestId,
    ...(arrayLength === null ? {} : { arrayLength }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
    ...(webhook === undefined ? {} : { webhook }),
  } satisfies z.input<typeof packMemberSchema>)

/** A prediction of a pack as if it were a job by itself; without its input. */
export const toMemberJob = (
  { pack: _pack, rows: _rows, ...shared }: PackJobData,
  { webhook, ...member }: PackMember,
  { packId, inputBytes }: { packId: string; inputBytes: number },
): PredictionJobData => ({
  ...shared,
  ...member,
  ...(webhook === undefined ? {} : { webhook }),
  inputBytes,
  packId,
})
