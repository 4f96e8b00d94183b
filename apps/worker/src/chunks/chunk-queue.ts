import type { JobsOptions, Queue } from 'bullmq'
import { chunkQueueName, openQueue, queuePriority } from '@onqueue/shared'
import type { BatchRecord, ChunkPlace, Priority } from '@onqueue/shared'
import type { Redis } from 'ioredis'
import { z } from 'zod'

/** What a job is for: to plan a batch, to score the chunk of a number, or to finish the output. */
const workSchema = z.union([z.literal(['plan', 'finish']), z.int()])

/** What a job carries. */
const chunkJobSchema = z.object({
  batchId: z.string(),
  work: workSchema,
  /** rows that ended an executor, also alone, and how */
  convicted: z.array(z.tuple([z.int(), z.enum(['executor_crashed', 'timed_out'])])).default([]),
})
export type ChunkJobData = z.infer<typeof chunkJobSchema>
export type ChunkQueue = Queue<ChunkJobData>

export const parseChunkJob = (data: unknown): ChunkJobData => chunkJobSchema.parse(data)

/** Opens the queue of a model's chunks on a shared connection. */
export const openChunkQueue = (redis: Redis, namespace: string, model: string): ChunkQueue =>
  openQueue(redis, namespace, { model, name: chunkQueueName })

const jobOptions = (jobId: string, priority: Priority): JobsOptions => ({
  jobId,
  priority: queuePriority[priority],
  // what a job has done is in the batch's record; one that stayed would keep the next one of its id away
  removeOnComplete: true,
  removeOnFail: true,
  stackTraceLimit: 1,
  keepLogs: 0,
})

/** Adding one that is there changes nothing, as each has an id of its own. To finish takes little, and nothing else is left to do. */
export const addJob = async (
  queue: ChunkQueue,
  { id, about }: Pick<BatchRecord, 'id' | 'about'>,
  work: 'plan' | 'finish',
) => {
  await queue.add(
    work,
    { batchId: id, work, convicted: [] },
    jobOptions(`${id}-${work}`, work === 'finish' ? 'high' : about.priority),
  )
}

export const addChunkJobs = async (queue: ChunkQueue, places: ChunkPlace[], priority: Priority) => {
  if (places.length === 0) return
  await queue.addBulk(
    places.map(({ batchId, chunk }) => ({
      name: 'chunk',
      data: { batchId, work: chunk, convicted: [] },
      opts: jobOptions(`${batchId}-${chunk}`, priority),
    })),
  )
}
