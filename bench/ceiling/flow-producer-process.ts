import { FlowProducer, Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { z } from 'zod'
import { rateOf } from '../figures/statistics.ts'
import { answerParent } from '../processes/answer-parent.ts'
import { addAll } from './add-all.ts'
import { jobData } from './job-data.ts'

const requestSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('open'), redisUrl: z.string() }),
  /** Add so many predictions under a new prefix. */
  z.object({
    type: z.literal('add'),
    as: z.enum(['job', 'flow']),
    prefix: z.string(),
    count: z.int(),
  }),
])

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
  return addPredictions(connection, request)
})

const addPredictions = async (
  redis: Redis,
  { as, prefix, count }: { as: 'job' | 'flow'; prefix: string; count: number },
) => {
  const at = { connection: redis, prefix }
  const predictions = new Queue('predictions', { ...at, streams })
  const webhooks = new Queue('webhooks', { ...at, streams })
  const flows = new FlowProducer(at)
  await Promise.all([predictions.waitUntilReady(), webhooks.waitUntilReady(), flows.waitUntilReady()])

  const addJob = (id: string) =>
    predictions.add('anonymous', jobData, { ...options, jobId: `demo-classifier-${id}` })
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
          data: jobData,
          opts: { ...options, jobId: `demo-classifier-${id}`, ignoreDependencyOnFailure: true },
        },
      ],
    })
  const add = as === 'job' ? addJob : addFlow
  const startedAt = performance.now()
  // an id as long as a ULID
  await addAll(count, (turn) => add(String(turn).padStart(26, '0')))
  const perSecond = rateOf(count, performance.now() - startedAt)

  const [waiting, parents] = await Promise.all([
    predictions.getPrioritizedCount(),
    webhooks.getWaitingChildrenCount(),
  ])
  await Promise.all([predictions.close(), webhooks.close(), flows.close()])
  if (waiting !== count || parents !== (as === 'flow' ? count : 0)) {
    throw new Error(`${count} were added, and ${waiting} wait, with ${parents} parents`)
  }
  return { perSecond }
}
