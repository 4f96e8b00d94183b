import { join } from 'node:path'
import { readRedisMemory } from '@onqueue/shared'
import { z } from 'zod'
import { startBenchProcess } from '../processes/bench-process.ts'
import { openEmbeddedRedis } from '../stack/embedded-redis.ts'
import { inFlight } from '../ceiling/noop-queue.ts'
import type { Plan } from './plan.ts'
import { watchProcesses } from '../processes/process-watch.ts'
import { toSpeed } from '../figures/speed.ts'
import type { Sample, Speed } from '../figures/speed.ts'
import { summarizeRounds } from '../figures/statistics.ts'
import type { Rounds } from '../figures/statistics.ts'

/** What it would cost a submit to make its webhook a flow of BullMQ: a parent that waits for the prediction. */
export type FlowCost = {
  /** `queue.add` of the prediction */
  job: AddSpeed
  /** `FlowProducer.add` of a parent in another queue with the prediction as its child */
  flow: AddSpeed & { shareOfJob: Rounds }
}

export type AddSpeed = Speed & { bytesEach: Rounds }

const nothingSchema = z.object({})
const addedSchema = z.object({ perSecond: z.number() })

/** Nobody takes the jobs: only adding is measured. */
export const compareFlow = async ({ rounds, noopJobs: count }: Plan): Promise<FlowCost> => {
  const redis = await openEmbeddedRedis()
  const producer = await startBenchProcess(join(import.meta.dirname, '../ceiling/flow-producer-process.ts'))
  try {
    await producer.ask({ type: 'open', redisUrl: redis.url }, nothingSchema)
    const usedBytes = async () => (await readRedisMemory(redis.client)).usedBytes
    const measure = async (as: 'job' | 'flow'): Promise<Sample<{ bytesEach: number }>> => {
      // the bench's own Redis, with nothing in it but the jobs of the measurement before
      await redis.client.flushall()
      const before = await usedBytes()
      const watch = watchProcesses({ producer: producer.pid, Redis: redis.pid })
      const { perSecond } = await producer.ask(
        { type: 'add', as, prefix: 'bench-flow', count, inFlight },
        addedSchema,
      )
      const usage = watch.stop()
      return {
        report: { bytesEach: ((await usedBytes()) - before) / count },
        perSecond,
        finished: count,
        usage,
      }
    }

    await measure('job')
    await measure('flow')
    const jobs = [await measure('job')]
    const flows: Sample<{ bytesEach: number }>[] = []
    const shares: number[] = []
    for (let round = 0; round < rounds; round++) {
      const flow = await measure('flow')
      const before = jobs.at(-1)?.perSecond ?? NaN
      const after = await measure('job')
      jobs.push(after)
      flows.push(flow)
      shares.push(flow.perSecond / ((before + after.perSecond) / 2))
    }
    return { job: toAddSpeed(jobs), flow: { ...toAddSpeed(flows), shareOfJob: summarizeRounds(shares) } }
  } finally {
    await producer.close()
    await redis.close()
  }
}

const toAddSpeed = (samples: readonly Sample<{ bytesEach: number }>[]): AddSpeed => ({
  ...toSpeed(samples),
  bytesEach: summarizeRounds(samples.map(({ report }) => report.bytesEach)),
})
