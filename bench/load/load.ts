import { join } from 'node:path'
import { z } from 'zod'
import { failuresSchema } from '../figures/failures.ts'
import type { KnownAnswer } from '../models/known-answer.ts'
import { startBenchProcess } from '../processes/bench-process.ts'

/** Clients of OnQueue's HTTP API, in a process of their own. */
export type Load = {
  pid: number
  /** `POST …/predict`: each client waits for its answer before it sends the next. */
  predict: (options: { clients: number; durationMs: number }) => Promise<LoadReport>
  /** `POST …/predictions`, answered with 202. `accepted` are the ids and which known answer each was given. */
  submit: (options: {
    clients: number
    requests: number
    /** where each asks to be told that it has ended */
    webhook?: string | undefined
  }) => Promise<LoadReport>
  /** `POST …/predictions/bulk`: the same, so many predictions with each request. */
  submitBulk: (options: { clients: number; predictions: number; atOnce: number }) => Promise<LoadReport>
  close: () => Promise<void>
}

export type LoadReport = z.infer<typeof loadReportSchema>

const loadReportSchema = z.object({
  startedAt: z.number(),
  endedAt: z.number(),
  /** of bulks the predictions in them */
  requests: z.int(),
  latencyMs: z.object({ p50: z.number(), p95: z.number(), p99: z.number() }),
  ...failuresSchema.shape,
  accepted: z.array(z.object({ id: z.string(), body: z.int() })),
})

export const startLoad = async ({
  url,
  model,
  answers,
}: {
  url: string
  model: string
  answers: readonly KnownAnswer[]
}): Promise<Load> => {
  const process = await startBenchProcess(join(import.meta.dirname, 'load-process.ts'))
  return {
    pid: process.pid,
    predict: ({ clients, durationMs }) =>
      process.ask(
        {
          url,
          path: `/v1/models/${model}/predict`,
          clients,
          bodies: answers.map(({ input }) => JSON.stringify(input)),
          expected: answers.map(({ output }) => output),
          limit: { durationMs },
        },
        loadReportSchema,
      ),
    submit: ({ clients, requests, webhook }) =>
      process.ask(
        {
          url,
          path: `/v1/models/${model}/predictions`,
          clients,
          bodies: answers.map(({ input }) => JSON.stringify({ input, webhook })),
          expected: 'accepted',
          limit: { requests },
        },
        loadReportSchema,
      ),
    submitBulk: ({ clients, predictions, atOnce }) =>
      process.ask(
        {
          url,
          path: `/v1/models/${model}/predictions/bulk`,
          clients,
          bodies: answers.map((_, body) => JSON.stringify(bulkOf(answers, body * atOnce, atOnce))),
          expected: 'accepted',
          atOnce,
          limit: { requests: Math.ceil(predictions / atOnce) },
        },
        loadReportSchema,
      ),
    close: process.close,
  }
}

const bulkOf = (answers: readonly KnownAnswer[], first: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ input: answers[(first + index) % answers.length]?.input }))
