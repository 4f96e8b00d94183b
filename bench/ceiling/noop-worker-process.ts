import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { z } from 'zod'
import { answerParent } from '../processes/answer-parent.ts'

const requestSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('open'), redisUrl: z.string(), prefix: z.string(), concurrency: z.int() }),
  /** Answer when so many more jobs have completed. */
  z.object({ type: z.literal('complete'), count: z.int() }),
])

let worker: Worker | undefined

answerParent(async (message) => {
  const request = requestSchema.parse(message)
  if (request.type === 'open') {
    const { redisUrl, prefix, concurrency } = request
    worker = new Worker('noop', async () => 1, {
      connection: new Redis(redisUrl, { maxRetriesPerRequest: null }),
      prefix,
      concurrency,
    })
    await worker.waitUntilReady()
    return {}
  }
  if (!worker) throw new Error('open the worker first')
  return { completedAt: await complete(worker, request.count) }
})

const complete = (worker: Worker, count: number) =>
  new Promise<number>((resolve, reject) => {
    let left = count
    const onFailed = (_: unknown, err: Error) => reject(err)
    const onCompleted = () => {
      left -= 1
      if (left > 0) return
      worker.off('completed', onCompleted)
      worker.off('failed', onFailed)
      resolve(Date.now())
    }
    worker.on('completed', onCompleted)
    worker.on('failed', onFailed)
  })
