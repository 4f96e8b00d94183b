import { FlowProducer, Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { z } from 'zod'
import { answerParent } from '../processes/answer-parent.ts'

const requestSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('open'), redisUrl: z.string() }),
  /** Add so many predictions under a new prefix, `inFlight` of them unanswered at any time. */
  z.object({
    type: z.literal('add'),
    as: z.enum(['job', 'flow']),
    prefix: z.string(),
    count: z.int(),
    inFlight: z.int(),
  }),
])

/** What a prediction for the demo model carries, and nothing else. */
const data = { features: [1.0, -0.5, 2.1, 0.3] }
const webhookData = { url: 'https://example.com/hooks' }
/** Those of OnQueue's predictions. */
const options = {
  priority: 5,
  attempts: 2,
  backoff: { type: 'exponential', delay: 500 },
  keepLogs: 0,
  stackTraceLimit: 1,
}
/** As OnQueue has it: nothing reads BullMQ's event stream, which would count as memory of the jobs. */
const streams = { events: { maxLen: 100 } }

let connection: Redis | undefined

answerParent(async (message) => {
  const request = requestSchema.parse(message)
  if (request.type === 'open') {
    connection = new Redis(request.redisUrl, { maxRetriesPerRequest: null })
    return {}
  }
  if (!connection) throw new Error('open the connection first')
  return addAll(connection, request)
})

const addAll = async (
  redis: Redis,
  { as, prefix, count, inFlight }: { as: 'job' | 'flow'; prefix: string; count: number; inFlight: number },
) => {
  const at = { connection: redis, prefix }
  const predictions = new Queue('predictions', { ...at, streams })
  const webhooks = new Queue('webhooks', { ...at, streams })
  const flows = new FlowProducer(at)
  await Promise.all([predictions.waitUntilReady(), webhooks.waitUntilReady(), flows.waitUntilReady()])

  const addJob = (id: string) =>
    predictions.add('anonymous', data, { ...options, jobId: `demo-classifier-${id}` })
  const addFlow = (id: string) =>
    flows.add({
      name: 'anonymous',
      queueName: 'webhooks',
      prefix,
      data: webhookData,
      opts: { priority: 1, jobId: `wh-${id}` },
      children: [
        {
          name: 'anonymous',
          queueName: 'predictions',
          prefix,
          data,
          opts: { ...options, jobId: `demo-classifier-${id}`, ignoreDependencyOnFailure: true },
        },
      ],
    })
  const add = as === 'job' ? addJob : addFlow
  let added = 0
  const addNext = async () => {
    while (added < count) {
      added += 1
      // as long as a ULID
      await add(String(added).padStart(26, '0'))
    }
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: inFlight }, addNext))
  const seconds = (performance.now() - startedAt) / 1000

  const [waiting, parents] = await Promise.all([
    predictions.getPrioritizedCount(),
    webhooks.getWaitingChildrenCount(),
  ])
  await Promise.all([predictions.close(), webhooks.close(), flows.close()])
  if (waiting !== count || parents !== (as === 'flow' ? count : 0)) {
    throw new Error(`${count} were added, and ${waiting} wait, with ${parents} parents`)
  }
  return { perSecond: count / seconds }
}
