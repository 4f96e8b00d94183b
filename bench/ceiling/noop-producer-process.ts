import { Queue, QueueEvents } from 'bullmq'
import type { Job } from 'bullmq'
import { Redis } from 'ioredis'
import { z } from 'zod'
import { answerParent } from '../processes/answer-parent.ts'

const requestSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('open'), redisUrl: z.string(), prefix: z.string() }),
  /** Add so many jobs, `inFlight` of them unanswered at any time. */
  z.object({ type: z.literal('add'), count: z.int(), inFlight: z.int() }),
  /** Add one job, be told that it has completed, and so on. */
  z.object({
    type: z.literal('round-trips'),
    count: z.int(),
    toldBy: z.enum(['wait-until-finished', 'completed-event']),
  }),
  z.object({ type: z.literal('obliterate') }),
])

/** What a prediction for the demo model carries, and nothing else. */
const data = { features: [1.0, -0.5, 2.1, 0.3] }

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
  if (request.type === 'add') return addAll(queue, request)
  if (request.type === 'round-trips') return { samplesMs: await roundTrips(queue, events, request) }
  await queue.obliterate({ force: true, count: 5000 })
  return {}
})

const addAll = async (jobs: Queue, { count, inFlight }: { count: number; inFlight: number }) => {
  let left = count
  const addNext = async () => {
    while (left > 0) {
      left -= 1
      await jobs.add('noop', data)
    }
  }
  const startedAt = Date.now()
  await Promise.all(Array.from({ length: inFlight }, addNext))
  return { startedAt, addedAt: Date.now() }
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
      const job: Job = await jobs.add('noop', data)
      await job.waitUntilFinished(stream)
    } else {
      const completed = new Promise<string>((resolve) =>
        stream.once('completed', ({ jobId }) => resolve(jobId)),
      )
      const [job, jobId] = await Promise.all([jobs.add('noop', data), completed])
      if (job.id !== jobId) throw new Error('another job completed: the queue was not idle')
    }
    samples.push(performance.now() - startedAt)
  }
  return samples
}
