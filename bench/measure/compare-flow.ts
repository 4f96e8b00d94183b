import { readRedisMemory } from '@onqueue/shared'
import { openFlowProducer } from '../ceiling/flow-producer.ts'
import type { AddedAs } from '../ceiling/flow-producer.ts'
import { compareSample, toShares, toSpeed } from '../figures/speed.ts'
import type { ComparedSample, Sample, Speed } from '../figures/speed.ts'
import { summarizeRounds } from '../figures/statistics.ts'
import type { Rounds } from '../figures/statistics.ts'
import { Yardstick } from '../figures/yardstick.ts'
import { watchProcesses } from '../processes/process-watch.ts'
import { openEmbeddedRedis } from '../stack/embedded-redis.ts'
import type { Plan } from './plan.ts'

/** What it would cost a submit to make its webhook a flow of BullMQ: a parent that waits for the prediction. */
export type FlowCost = {
  /** `queue.add` of the prediction */
  job: AddSpeed
  /** `FlowProducer.add` of a parent in another queue with the prediction as its child */
  flow: AddSpeed & { shareOfJob: Rounds }
}

export type AddSpeed = Speed & { bytesEach: Rounds }

type AddReport = { bytesEach: number }

/** Nobody takes the jobs: only adding is measured. */
export const compareFlow = async ({ rounds, noopJobs: count }: Plan): Promise<FlowCost> => {
  const redis = await openEmbeddedRedis()
  const producer = await openFlowProducer(redis)
  try {
    const usedBytes = async () => (await readRedisMemory(redis.client)).usedBytes
    const measure = async (as: AddedAs): Promise<Sample<AddReport>> => {
      // the bench's own Redis, with nothing in it but the jobs of the measurement before
      await redis.client.flushall()
      const before = await usedBytes()
      const watch = watchProcesses({ producer: producer.pid, Redis: redis.pid })
      const perSecond = await producer.add({ as, count })
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
    const jobs: Sample<AddReport>[] = []
    const flows: ComparedSample<AddReport>[] = []
    const yardstick = await Yardstick.start(async () => {
      const job = await measure('job')
      jobs.push(job)
      return job.perSecond
    })
    for (let round = 0; round < rounds; round++) {
      flows.push(await compareSample(yardstick, () => measure('flow')))
    }
    return { job: toAddSpeed(jobs), flow: { ...toAddSpeed(flows), shareOfJob: toShares(flows) } }
  } finally {
    await producer.close()
    await redis.close()
  }
}

const toAddSpeed = (samples: readonly Sample<AddReport>[]): AddSpeed => ({
  ...toSpeed(samples),
  bytesEach: summarizeRounds(samples.map(({ report }) => report.bytesEach)),
})
