import { basename } from 'node:path'
import { modelKeys } from '@onqueue/shared'
import { addFailures } from '../figures/failures.ts'
import type { Failures } from '../figures/failures.ts'
import { rateOf } from '../figures/statistics.ts'
import { startLoad } from '../load/load.ts'
import type { Load, LoadReport } from '../load/load.ts'
import type { KnownAnswer } from '../models/known-answer.ts'
import { watchProcesses } from '../processes/process-watch.ts'
import type { Processes, UsageByProcess } from '../processes/process-watch.ts'
import { openEmbeddedRedis } from './embedded-redis.ts'
import type { EmbeddedRedis } from './embedded-redis.ts'
import { checkOutcomes, untilFinished } from './finished-predictions.ts'
import type { Finished } from './finished-predictions.ts'
import { namespace, startOnQueue } from './start-onqueue.ts'
import type { OnQueue } from './start-onqueue.ts'

/** An OnQueue with one model, its Redis, and a load generator for it. */
export type Stack = {
  redis: EmbeddedRedis
  onqueue: OnQueue
  load: Load
  /** Submits predictions, waits until all of them are finished, then looks at every outcome. */
  submitAll: (options: {
    requests: number
    /** where each asks to be told that it has ended */
    webhook?: string | undefined
    /** predictions with each request, by a few clients; one by one where it is not said */
    atOnce?: number | undefined
    /** awaited before the outcomes are looked at */
    beforeCheck?: () => Promise<unknown>
  }) => Promise<SubmitReport>
  /** Runs something, and says what each process used meanwhile: those of the stack, and others. */
  watch: <Result>(
    body: () => Promise<Result>,
    others?: Processes,
  ) => Promise<{ result: Result; usage: UsageByProcess }>
  close: () => Promise<void>
}

export type SubmitReport = Failures & {
  /** from the first submit until the last prediction was finished */
  predictionsPerSecond: number
  /** of the first submit, in ms since the epoch */
  startedAt: number
  /** of answers with 202 alone */
  submitsPerSecond: number
  batchSizes: number[]
}

/** Submits under way at any time. */
const submitClients = 256
const bulkClients = 8

export const openStack = async ({
  modelDir,
  answers,
}: {
  modelDir: string
  answers: readonly KnownAnswer[]
}): Promise<Stack> => {
  const model = basename(modelDir)
  await using opened = new AsyncDisposableStack()
  const redis = await openEmbeddedRedis()
  opened.defer(redis.close)
  const onqueue = await startOnQueue({ dataDir: redis.dataDir, modelDir })
  opened.defer(onqueue.close)
  const load = await startLoad({ url: onqueue.url, model, answers })
  opened.defer(load.close)
  const processes = { ...onqueue.processes, Redis: redis.pid, 'load generator': load.pid }
  await untilPacked({ redis, load, model })

  const running = opened.move()
  return {
    redis,
    onqueue,
    load,
    submitAll: async ({ requests, webhook, atOnce, beforeCheck }) => {
      const report = await (atOnce === undefined
        ? load.submit({ clients: submitClients, requests, webhook })
        : load.submitBulk({ clients: bulkClients, predictions: requests, atOnce }))
      const { accepted } = report
      const finishedAt = await untilFinished(redis, model)
      await beforeCheck?.()
      return toSubmitReport(report, finishedAt, await checkOutcomes(redis, { model, accepted, answers }))
    },
    watch: async (body, others) => {
      const watch = watchProcesses({ ...processes, ...others })
      const result = await body()
      return { result, usage: watch.stop() }
    },
    close: () => running.disposeAsync(),
  }
}

/** An API makes packs when it has seen for 8 s that everybody reads them; of a heavy model it never does. */
const mostUntilPackedMs = 12_000

const untilPacked = async ({ redis, load, model }: { redis: EmbeddedRedis; load: Load; model: string }) => {
  const until = performance.now() + mostUntilPackedMs
  const { pack } = modelKeys(namespace, model)
  while ((await redis.client.keys(pack('*'))).length === 0 && performance.now() < until) {
    await load.submit({ clients: 32, requests: 64 })
    await untilFinished(redis, model)
  }
}

const toSubmitReport = (report: LoadReport, finishedAt: number, finished: Finished): SubmitReport => ({
  predictionsPerSecond: rateOf(report.accepted.length, finishedAt - report.startedAt),
  startedAt: report.startedAt,
  submitsPerSecond: rateOf(report.requests, report.endedAt - report.startedAt),
  ...addFailures([report, finished]),
  batchSizes: finished.batchSizes,
})
