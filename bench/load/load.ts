import { join } from 'node:path'
import { z } from 'zod'
import { startBenchProcess } from '../processes/bench-process.ts'
import type { BenchProcess } from '../processes/bench-process.ts'
import type { KnownAnswer } from '../models/known-answers.ts'

/** Clients of OnQueue's HTTP API, in a process of their own. */
export type Load = {
  process: BenchProcess
  /** `POST …/predict`: each client waits for its answer before it sends the next. */
  predict: (options: { clients: number; durationMs: number }) => Promise<LoadReport>
  /** `POST …/predictions`, answered with 202. `accepted` are the ids and which known answer each was given. */
  submit: (options: {
    clients: number
    requests: number
    /** where each asks to be told that it has ended */
    webhook?: string | undefined
  }) => Promise<LoadReport>
  close: () => Promise<void>
}

export type LoadReport = z.infer<typeof loadReportSchema>

const loadReportSchema = z.object({
  startedAt: z.number(),
  endedAt: z.number(),
  requests: z.int(),
  latencyMs: z.object({ p50: z.number(), p95: z.number(), p99: z.number() }),
  /** answers that were not what they should be, and a few of them */
  failures: z.int(),
  examples: z.array(z.string()),
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
    process,
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
    close: process.close,
  }
}
