import { join } from 'node:path'
import { z } from 'zod'
import { failuresSchema } from '../figures/failures.ts'
import type { KnownAnswer } from '../models/known-answer.ts'
import { startBenchProcess } from '../processes/bench-process.ts'

/** A receiver of webhooks, in a process of its own. */
export type Receiver = {
  pid: number
  url: string
  /** From here on, deliveries are counted anew. */
  count: () => Promise<void>
  /** Resolves when so many different deliveries have arrived since `count`; throws when that takes too long. */
  untilArrived: (deliveries: number) => Promise<Arrivals>
  close: () => Promise<void>
}

export type Arrivals = z.infer<typeof arrivalsSchema>

const listeningSchema = z.object({ url: z.string() })
const arrivalsSchema = z.object({
  /** different ones */
  arrived: z.int(),
  /** all, also what came twice */
  requests: z.int(),
  /** of the first and of the last different one, in ms since the epoch */
  firstAt: z.number(),
  lastAt: z.number(),
  /** those whose signature and body were looked at */
  checked: z.int(),
  ...failuresSchema.shape,
})
const secretSchema = z.object({ key: z.string() })

const patienceMs = 180_000

export const startReceiver = async ({
  onqueueUrl,
  answers,
}: {
  /** whose webhooks it receives */
  onqueueUrl: string
  answers: readonly KnownAnswer[]
}): Promise<Receiver> => {
  const response = await fetch(`${onqueueUrl}/v1/webhooks/default/secret`)
  const { key: secret } = secretSchema.parse(await response.json())
  const process = await startBenchProcess(join(import.meta.dirname, 'receiver-process.ts'))
  const { url } = await process.ask({ type: 'listen', secret, answers }, listeningSchema)
  return {
    pid: process.pid,
    url,
    count: () => process.tell({ type: 'count' }),
    untilArrived: async (deliveries) => {
      const arrivals = await process.ask({ type: 'until-arrived', deliveries, patienceMs }, arrivalsSchema)
      if (arrivals.arrived >= deliveries) return arrivals
      const { arrived, requests, examples } = arrivals
      throw new Error(
        `${arrived} of ${deliveries} deliveries arrived within ${patienceMs / 1000} s, in ${requests} requests; ${examples.join('; ')}`,
      )
    },
    close: process.close,
  }
}
