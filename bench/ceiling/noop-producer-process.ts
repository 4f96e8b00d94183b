import { Queue, QueueEvents } from 'bullmq'
import type { Job } from 'bullmq'
import { Redis } from 'ioredis'
import { z } from 'zod'
import { answerParent } from '../processes/answer-parent.ts'
import { addAll } from './add-all.ts'
import { jobData } from './job-data.ts'

const requestSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('open'), redisUrl: z.string(), prefix: z.string() }),
  z.object({ type: z.literal('add'), count: z.int() }),
  /** Add one job, be told that it has completed, and so on. */
  z.object({
    type: z.literal('round-trips'),
    count: z.int(),
    toldBy: z.enum(['wait-until-finished', 'completed-event']),
  }),
  z.object({ type: z.literal('obliterate') }),
])

let queue: Queue | undefined
let events: QueueEvents | undefined
let isReading = false

answerParent(async (message) => {
  const request = requestSchema.parse(message)
  if (request.type === 'open') {
    const { redisUrl, prefix } = request
    queue = new Queue('noop', { connection: new Redis(redisUrl, { maxRetriesPerRequest: null }), prefix })
    events = new QueueEvents('noop', {
      connection: new Redis(redisUrl, { maxRetriesPerRequest: null }),
      prefix,
      autorun: false,
    })
    await queue.waitUntilReady()
    return {}
  }
  if (!queue || !events) throw new Error('open the queue first')
  if (request.type === 'add') return addJobs(queue, request)
  if (request.type === 'round-trips') return { samplesMs: await roundTrips(queue, events, request) }
  await queue.obliterate({ force: true, count: 5000 })
  return {}
})

const addJobs = async (jobs: Queue, { count }: { count: number }) => {
  const startedAt = Date.now()
  await addAll(count, () => jobs.add('noop', jobData))
  return { startedAt }
}

/** A BullMQ user is told through QueueEvents: per job, which also asks whether it has finished already, or by the stream. */
const roundTrips = async (
  jobs: Queue,
  stream: QueueEvents,
  { count, toldBy }: { count: number; toldBy: 'wait-until-finished' | 'completed-event' },
) => {
  // only here: reading the stream would slow down a measurement of throughput
  if (!isReading) void stream.run()
  isReading = true
  await stream.waitUntilReady()
  const samples: number[] = []
  for (let turn = 0; turn < count; turn++) {
    const startedAt = performance.now()
    if (toldBy === 'wait-until-finished') {
      const job: Job = await jobs.add('noop', jobData)
      await job.waitUntilFinished(stream)
    } else {
      const completed = new Promise<string>((resolve) =>
        stream.once('completed', ({ jobId }) => resolve(jobId)),
      )
      const [job, jobId] = await Promise.all([jobs.add('noop', jobData), completed])
      if (job.id !== jobId) throw new Error('another job completed: the queue was not idle')
    }
    samples.push(performance.now() - startedAt)
  }
  return samples
}
