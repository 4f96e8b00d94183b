import { Queue } from 'bullmq'
import type { JobsOptions } from 'bullmq'
import { chunkQueueName, lockSettings, modelPrefix, queuePriority } from '@onqueue/shared'
import type { ChunkPlace, Priority } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import { z } from 'zod'

/** What the job of a chunk carries, and with a null for the chunk that of a plan. */
const chunkJobSchema = z.object({
  batchId: z.string(),
  chunk: z.int().nullable(),
  /** rows that ended an executor, also alone, and how */
  convicted: z.array(z.tuple([z.int(), z.enum(['executor_crashed', 'timed_out'])])).default([]),
  /** when a worker that could not do it first put it off, in ms */
  putOffAt: z.number().optional(),
})
export type ChunkJobData = z.infer<typeof chunkJobSchema>
export type ChunkQueue = Queue<ChunkJobData>

export const parseChunkJob = (data: unknown): ChunkJobData => chunkJobSchema.parse(data)

/** Opens the queue of a model's chunks on a shared connection. */
export const openChunkQueue = (redis: Redis, namespace: string, model: string): ChunkQueue => {
  const queue: ChunkQueue = new Queue(chunkQueueName, {
    connection: redis,
    prefix: modelPrefix(namespace, model),
    streams: { events: { maxLen: 100 } },
    skipVersionCheck: true,
    ...lockSettings,
  })
  // the connection reports its own losses
  queue.on('error', () => undefined)
  return queue
}

const jobOptions = (jobId: string, priority: Priority): JobsOptions => ({
  jobId,
  priority: queuePriority[priority],
  // what a job has done is in the batch's record; one that stayed would keep the next one of its id away
  removeOnComplete: true,
  removeOnFail: true,
  stackTraceLimit: 1,
  keepLogs: 0,
})

/** Adding one that is there changes nothing, as each has an id of its own. */
export const addPlanJob = async (queue: ChunkQueue, batchId: string, priority: Priority) => {
  await queue.add('plan', { batchId, chunk: null, convicted: [] }, jobOptions(`${batchId}-plan`, priority))
}

export const addChunkJobs = async (queue: ChunkQueue, places: ChunkPlace[], priority: Priority) => {
  if (places.length === 0) return
  await queue.addBulk(
    places.map(({ batchId, chunk }) => ({
      name: 'chunk',
      data: { batchId, chunk, convicted: [] },
      opts: jobOptions(`${batchId}-${chunk}`, priority),
    })),
  )
}
