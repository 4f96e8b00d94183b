import { basename } from 'node:path'
import { type EmbeddedRedis, openEmbeddedRedis } from './embedded-redis.ts'
import { type Finished, countFinished, untilFinished } from './finished-predictions.ts'
import type { KnownAnswer } from './known-answers.ts'
import { type Load, type LoadReport, startLoad } from './load.ts'
import { type UsageByProcess, watchProcesses } from './process-watch.ts'
import { startOnQueue } from './start-onqueue.ts'

/** An OnQueue with one model, its Redis, and a load generator for it. */
export type Stack = {
  redis: EmbeddedRedis
  load: Load
  /** Submits predictions and waits until all of them are finished. */
  submitAll: (options: { requests: number }) => Promise<SubmitReport>
  /** Runs something, and says what each process used meanwhile. */
  watch: <Result>(body: () => Promise<Result>) => Promise<{ result: Result; usage: UsageByProcess }>
  close: () => Promise<void>
}

export type SubmitReport = {
  /** from the first submit until the last prediction was finished */
  predictionsPerSecond: number
  /** of answers with 202 alone */
  submitsPerSecond: number
  failures: number
  examples: string[]
  batchSizes: number[]
}

/** Submits under way at any time. */
const submitClients = 256

export const openStack = async ({
  modelDir,
  answers,
}: {
  modelDir: string
  answers: readonly KnownAnswer[]
}): Promise<Stack> => {
  const model = basename(modelDir)
  const opened: { close: () => Promise<void> }[] = []
  const close = async () => {
    for (const { close: closeOne } of opened.splice(0).toReversed()) await closeOne()
  }
  try {
    const redis = await openEmbeddedRedis()
    opened.push(redis)
    const onqueue = await startOnQueue({ dataDir: redis.dataDir, modelDir })
    opened.push(onqueue)
    const load = await startLoad({ url: onqueue.url, model, answers })
    opened.push(load)
    const processes = { ...onqueue.processes, Redis: redis.pid, 'load generator': load.process.pid }

    return {
      redis,
      load,
      submitAll: async ({ requests }) => {
        const before = await countFinished(redis, model)
        const report = await load.submit({ clients: submitClients, requests })
        const { accepted } = report
        const total = before + accepted.length
        const finished = await untilFinished(redis, { model, total, accepted, answers })
        return toSubmitReport(report, finished)
      },
      watch: async (body) => {
        const watch = watchProcesses(processes)
        const result = await body()
        return { result, usage: watch.stop() }
      },
      close,
    }
  } catch (err) {
    await close()
    throw err
  }
}

const toSubmitReport = (report: LoadReport, finished: Finished): SubmitReport => ({
  predictionsPerSecond: (1000 * report.accepted.length) / (finished.finishedAt - report.startedAt),
  submitsPerSecond: (1000 * report.requests) / (report.endedAt - report.startedAt),
  failures: report.failures + finished.failures,
  examples: [...report.examples, ...finished.examples],
  batchSizes: finished.batchSizes,
})
