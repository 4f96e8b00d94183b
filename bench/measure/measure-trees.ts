import { basename } from 'node:path'
import { z } from 'zod'
import { addFailures, toFailures } from '../figures/failures.ts'
import type { Failures } from '../figures/failures.ts'
import { sum, summarizeRounds } from '../figures/statistics.ts'
import type { Rounds } from '../figures/statistics.ts'
import { isSameAnswer } from '../models/known-answer.ts'
import type { KnownAnswer } from '../models/known-answer.ts'
import { treesModelDir } from '../models/model-dirs.ts'
import { readTreesAnswers } from '../models/read-answers.ts'
import { watchProcesses } from '../processes/process-watch.ts'
import type { UsageByProcess } from '../processes/process-watch.ts'
import { findOnQueueProcesses } from '../stack/onqueue-processes.ts'
import { pollUntil } from '../stack/poll-until.ts'
import { startOnQueue } from '../stack/start-onqueue.ts'
import type { OnQueue } from '../stack/start-onqueue.ts'
import type { Plan } from './plan.ts'

/**
 * A classifier of LightGBM through `predict`, arrays of 1,000 rows: as its exporter wrote it, and with rows that run alone, which is
 * what follows from its file if that is believed.
 */
export type Trees = Failures & {
  /** CPU of all processes for a row, in µs */
  together: Rounds
  alone: Rounds
  /** rows of a CPU second, of those that run alone */
  times: Rounds
  /** the same for executors only */
  executorTimes: Rounds
}

const rowsOfRequest = 1000
const aloneName = 'trees-alone'
const patienceMs = 60_000

export const measureTrees = async ({ rounds, treesRequests: requests }: Plan): Promise<Trees> => {
  const answers = await readTreesAnswers()
  await using opened = new AsyncDisposableStack()
  const onqueue = await startOnQueue({
    modelDir: treesModelDir,
    variants: { [aloneName]: 'batching: { max_rows: 1 }\n' },
  })
  opened.defer(onqueue.close)
  const measure = (model: string) => measureModel(onqueue, { model, requests, answers })
  const together = () => measure(basename(treesModelDir))
  await untilReady(onqueue, aloneName)

  await together()
  const samples: Record<'together' | 'alone', Failures & { usage: UsageByProcess }>[] = []
  for (let round = 0; round < rounds; round++)
    samples.push({ together: await together(), alone: await measure(aloneName) })
  const microsOf = (choose: (usage: UsageByProcess) => number, kind: 'together' | 'alone') =>
    samples.map((sample) => (1e6 * choose(sample[kind].usage)) / (requests * rowsOfRequest))
  const timesOf = (choose: (usage: UsageByProcess) => number) => {
    const [alone, shared] = [microsOf(choose, 'alone'), microsOf(choose, 'together')]
    return summarizeRounds(alone.map((micros, round) => micros / (shared[round] ?? NaN)))
  }
  return {
    together: summarizeRounds(microsOf(cpuOfAll, 'together')),
    alone: summarizeRounds(microsOf(cpuOfAll, 'alone')),
    times: timesOf(cpuOfAll),
    executorTimes: timesOf(cpuOfExecutors),
    ...addFailures(samples.flatMap((sample) => [sample.together, sample.alone])),
  }
}

const measureModel = async (
  { url, pid }: OnQueue,
  { model, requests, answers }: { model: string; requests: number; answers: readonly KnownAnswer[] },
): Promise<Failures & { usage: UsageByProcess }> => {
  const rows = Array.from({ length: rowsOfRequest }, (_, index) => answers[index % answers.length])
  const body = JSON.stringify(rows.map((row) => row?.input))
  const watch = watchProcesses(findOnQueueProcesses(pid))
  const bodies: string[] = []
  for (let request = 0; request < requests; request++) {
    const response = await fetch(`${url}/v1/models/${model}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    bodies.push(await response.text())
  }
  const usage = watch.stop()
  const wrong = bodies.filter((text) => !isRight(text, rows))
  return { usage, ...toFailures(wrong.map((text) => `${model} answered ${text.slice(0, 300)}`)) }
}

const isRight = (text: string, rows: readonly (KnownAnswer | undefined)[]) => {
  const outputs = z.array(z.unknown()).safeParse(JSON.parse(text)).data ?? []
  return (
    outputs.length === rows.length && rows.every((row, index) => isSameAnswer(outputs[index], row?.output))
  )
}

const cpuOf = (usage: UsageByProcess, isMeant: (name: string) => boolean) =>
  sum(Object.entries(usage).map(([name, { cpuSeconds }]) => (isMeant(name) ? cpuSeconds : 0)))
const cpuOfAll = (usage: UsageByProcess) => cpuOf(usage, () => true)
const cpuOfExecutors = (usage: UsageByProcess) => cpuOf(usage, (name) => name.startsWith('executor'))

const untilReady = ({ url }: OnQueue, model: string) =>
  pollUntil(
    async () => {
      const response = await fetch(`${url}/v1/models/${model}`)
      return z.object({ status: z.string() }).safeParse(await response.json()).data?.status === 'ready'
    },
    { everyMs: 50, patienceMs, otherwise: `${model} was not ready` },
  )
