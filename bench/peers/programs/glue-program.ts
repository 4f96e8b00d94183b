// What a team on Node writes first: Hono, BullMQ and onnxruntime-node. `glue-program.ts api PORT` and `glue-program.ts worker`.
import { serve } from '@hono/node-server'
import { Queue, QueueEvents, Worker } from 'bullmq'
import { Hono } from 'hono'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { z } from 'zod'

const heavy = process.env.MODEL === 'heavy'
const connection = { url: process.env.REDIS_URL ?? '', maxRetriesPerRequest: null }
const inputSchema = heavy
  ? z.object({ x: z.array(z.number()).length(256) })
  : z.object({ features: z.array(z.number()).length(4) })
type Input = { x?: number[]; features?: number[] }

const startApi = (port: number) => {
  const queue = new Queue<Input>('predictions', {
    connection,
    defaultJobOptions: {
      attempts: 3,
      backoff: { type: 'exponential', delay: 1000 },
      removeOnComplete: { age: 3600 },
      removeOnFail: { age: 86_400 },
    },
  })
  const events = new QueueEvents('predictions', { connection })
  events.setMaxListeners(0)
  const app = new Hono()
  app.get('/health', (c) => c.json({ model_loaded: true }))
  app.post('/predictions', async (c) => {
    const input = inputSchema.safeParse(await c.req.json().catch(() => undefined))
    if (!input.success) return c.json({ error: input.error.issues }, 422)
    const job = await queue.add('predict', input.data)
    return c.json({ id: job.id, status: 'queued' }, 202)
  })
  app.get('/predictions/:id', async (c) => {
    const job = await queue.getJob(c.req.param('id'))
    if (!job) return c.json({ error: 'not found' }, 404)
    if (job.finishedOn && job.failedReason === undefined)
      return c.json({ id: job.id, status: 'succeeded', output: job.returnvalue })
    if (job.finishedOn) return c.json({ id: job.id, status: 'failed', error: job.failedReason })
    return c.json({ id: job.id, status: 'processing' })
  })
  app.post('/predict', async (c) => {
    const input = inputSchema.safeParse(await c.req.json().catch(() => undefined))
    if (!input.success) return c.json({ error: input.error.issues }, 422)
    const job = await queue.add('predict', input.data)
    return c.json(await job.waitUntilFinished(events, 30_000))
  })
  serve({ fetch: app.fetch, port, hostname: '127.0.0.1' })
}

const startWorker = async () => {
  const session = await InferenceSession.create(process.env.MODEL_FILE ?? '', {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  })
  const run = async (values: number[]) =>
    session.run(
      { [session.inputNames[0] ?? '']: new Tensor('float32', values, [1, values.length]) },
      session.outputNames,
    )
  const predict = async (input: Input) => {
    const out = await run(input.x ?? input.features ?? [])
    if (heavy) return { y: Array.from(out.y?.data ?? [], Number) }
    return { prediction: Number(out.output_label?.data[0]), probability: Number(out.probabilities?.data[1]) }
  }
  const worker = new Worker<Input>('predictions', ({ data }) => predict(data), {
    connection,
    concurrency: 16,
  })
  worker.on('error', (err) => console.error(err))
  process.on('SIGTERM', () => void worker.close().then(() => process.exit(0)))
}

if (process.argv[2] === 'api') startApi(Number(process.argv[3]))
else await startWorker()
