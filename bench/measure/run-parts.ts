import { compareFlow } from './compare-flow.ts'
import type { FlowCost } from './compare-flow.ts'
import { measureHeavy } from './measure-heavy.ts'
import type { HeavySpeed } from './measure-heavy.ts'
import { measureLatency } from './measure-latency.ts'
import type { IdleLatency } from './measure-latency.ts'
import { measureQueue } from './measure-queue.ts'
import type { QueueSpeed } from './measure-queue.ts'
import { measureStart } from './measure-start.ts'
import { measureThroughput } from './measure-throughput.ts'
import type { Throughput } from './measure-throughput.ts'
import { measureWebhooks } from './measure-webhooks.ts'
import type { Webhooks } from './measure-webhooks.ts'
import { demoModelDir, heavyModelDir, measureBatchSizes } from '../ceiling/onnx-ceiling.ts'
import type { BatchSpeed } from '../ceiling/onnx-ceiling.ts'
import type { Plan } from './plan.ts'
import { sum } from '../figures/statistics.ts'
import type { Rounds } from '../figures/statistics.ts'

export const partNames = [
  'start',
  'onnx',
  'queue',
  'throughput',
  'latency',
  'heavy',
  'webhooks',
  'flow',
] as const
export type PartName = (typeof partNames)[number]

/** Without what is only run when it is named, for it is about a way that was not taken. */
export const usualParts: readonly PartName[] = partNames.filter((name) => name !== 'flow')

/** What was measured; a part that was not run is absent. */
export type Results = {
  /** seconds from `npm start` to ready */
  start?: Rounds
  onnx?: { demo: BatchSpeed[]; heavy: BatchSpeed[] }
  queue?: QueueSpeed[]
  throughput?: Throughput
  latency?: IdleLatency
  heavy?: HeavySpeed
  webhooks?: Webhooks
  flow?: FlowCost
}

/** Runs the parts one after the other: at any time one thing is measured. */
export const runParts = async (
  wanted: readonly PartName[],
  plan: Plan,
  { onPart }: { onPart: (name: PartName) => void },
): Promise<Results> => {
  const results: Results = {}
  for (const name of partNames.filter((part) => wanted.includes(part))) {
    onPart(name)
    Object.assign(results, await measurePart(name, plan))
  }
  return results
}

const measurePart = async (name: PartName, plan: Plan): Promise<Results> => {
  switch (name) {
    case 'start':
      return { start: await measureStart(plan) }
    case 'onnx':
      return {
        onnx: {
          demo: await measureBatchSizes(demoModelDir, { durationMs: plan.onnxMs }),
          heavy: await measureBatchSizes(heavyModelDir, { durationMs: plan.onnxMs }),
        },
      }
    case 'queue':
      return { queue: await measureQueue(plan) }
    case 'throughput':
      return { throughput: await measureThroughput(plan) }
    case 'latency':
      return { latency: await measureLatency(plan) }
    case 'heavy':
      return { heavy: await measureHeavy(plan) }
    case 'webhooks':
      return { webhooks: await measureWebhooks(plan) }
    case 'flow':
      return { flow: await compareFlow(plan) }
  }
}

/** Wrong answers of all parts, and a few of them. */
export const listFailures = ({ throughput, latency, heavy, webhooks }: Results) => {
  const parts = [throughput, latency, heavy, webhooks]
  return {
    failures: sum(parts.map((part) => part?.failures ?? 0)),
    examples: parts.flatMap((part) => part?.examples ?? []),
  }
}
