import { join } from 'node:path'
import { z } from 'zod'
import { failuresSchema } from '../figures/failures.ts'
import { startBenchProcess } from '../processes/bench-process.ts'

/** Clients of any server that answers in JSON, in a process of their own. They go on when one of their calls fails. */
export type Callers = {
  pid: number
  /** Each client makes the next of the calls when it has the answer to its last, for so long. */
  call: (options: {
    calls: readonly Call[]
    clients: number
    durationMs: number
    /** after which a call counts as unanswered */
    patienceMs?: number
  }) => Promise<CallReport>
  close: () => Promise<void>
}

export type Call = {
  path: string
  body: string
  /** the answer has this in it, and may have more */
  expected: unknown
  /** where the answer only gives an id: in front of it, the path that is read until the prediction has ended */
  readPath?: string
}

export type CallReport = z.infer<typeof callReportSchema>

const callReportSchema = z.object({
  /** in ms since the epoch, as the other times */
  startedAt: z.number(),
  endedAt: z.number(),
  /** calls that had the right answer in the end */
  answered: z.int(),
  latencyMs: z.object({ p50: z.number(), p95: z.number(), p99: z.number() }),
  slowestMs: z.number(),
  /** answers with another output */
  wrong: failuresSchema,
  /** calls that were refused, cut off, or not answered within the patience */
  troubles: z.array(z.object({ isUnanswered: z.boolean(), endedAt: z.number(), reason: z.string() })),
})

export const startCallers = async (url: string): Promise<Callers> => {
  const process = await startBenchProcess(join(import.meta.dirname, 'callers-process.ts'))
  return {
    pid: process.pid,
    call: ({ calls, clients, durationMs, patienceMs = 60_000 }) =>
      process.ask({ url, calls, clients, durationMs, patienceMs }, callReportSchema),
    close: process.close,
  }
}
