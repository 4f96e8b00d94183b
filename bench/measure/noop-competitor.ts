import { openNoopQueue } from '../ceiling/noop-queue.ts'
import { addFailures } from '../figures/failures.ts'
import { sum, summarizeLatency } from '../figures/statistics.ts'
import { watchProcesses } from '../processes/process-watch.ts'
import { openEmbeddedRedis } from '../stack/embedded-redis.ts'
import type { Competitor } from './competitor.ts'
import type { Plan } from './plan.ts'

/** BullMQ with jobs that do nothing, in the place of submits; no HTTP, no model. */
export const toNoopCompetitor = ({ noopJobs, roundTrips }: Plan): Competitor => ({
  name: 'BullMQ no-op',
  open: async () => {
    const redis = await openEmbeddedRedis()
    const queue = await openNoopQueue(redis)
    const processes = { producer: queue.producer.pid, worker: queue.worker.pid, Redis: redis.pid }
    const none = addFailures([])
    return {
      warmUp: () => queue.measureThroughput({ jobs: noopJobs }),
      measures: new Map([
        [
          'submit',
          async () => {
            const watch = watchProcesses(processes)
            const figure = await queue.measureThroughput({ jobs: noopJobs })
            const cpuSeconds = sum(Object.values(watch.stop()).map((one) => one.cpuSeconds))
            return { figure, microsEach: (1e6 * cpuSeconds) / noopJobs, ...none }
          },
        ],
        [
          'idle',
          async () => {
            const samplesMs = await queue.measureRoundTrips({ jobs: roundTrips, toldBy: 'completed-event' })
            return { figure: summarizeLatency(samplesMs).p50, ...none }
          },
        ],
      ]),
      close: async () => {
        await queue.close()
        await redis.close()
      },
    }
  },
})
