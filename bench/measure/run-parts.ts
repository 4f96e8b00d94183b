import { addFailures } from '../figures/failures.ts'
import { compareFlow } from './compare-flow.ts'
import { measureBatch } from './measure-batch.ts'
import { measureChunk } from './measure-chunk.ts'
import { measureHeavy } from './measure-heavy.ts'
import { measureHostile } from './measure-hostile.ts'
import { measureLatency } from './measure-latency.ts'
import { measureMany } from './measure-many.ts'
import { measureMemory } from './measure-memory.ts'
import { measureOnnx } from './measure-onnx.ts'
import { measurePeers } from './measure-peers.ts'
import { measureQueue } from './measure-queue.ts'
import { measureStart } from './measure-start.ts'
import { measureThroughput } from './measure-throughput.ts'
import { measureTrees } from './measure-trees.ts'
import { measureWebhooks } from './measure-webhooks.ts'
import { partNames } from './plan.ts'
import type { PartName, Plan } from './plan.ts'

const measures = {
  start: measureStart,
  onnx: measureOnnx,
  chunk: measureChunk,
  batch: measureBatch,
  queue: measureQueue,
  throughput: measureThroughput,
  latency: measureLatency,
  heavy: measureHeavy,
  trees: measureTrees,
  memory: measureMemory,
  many: measureMany,
  hostile: measureHostile,
  webhooks: measureWebhooks,
  flow: compareFlow,
  peers: measurePeers,
} satisfies Record<PartName, (plan: Plan) => Promise<unknown>>

/** What was measured; a part that was not run is absent. */
export type Results = { [Part in PartName]?: Awaited<ReturnType<(typeof measures)[Part]>> }

/** Runs the parts one after the other: at any time one thing is measured. */
export const runParts = async (
  wanted: readonly PartName[],
  plan: Plan,
  { onPart }: { onPart: (name: PartName) => void },
): Promise<Results> => {
  const results: Results = {}
  for (const name of partNames.filter((part) => wanted.includes(part))) {
    onPart(name)
    Object.assign(results, { [name]: await measures[name](plan) })
  }
  return results
}

/** Wrong answers of all parts, and a few of them. */
export const listFailures = ({
  batch,
  throughput,
  latency,
  heavy,
  trees,
  memory,
  hostile,
  webhooks,
  peers,
}: Results) =>
  addFailures(
    [batch, throughput, latency, heavy, trees, memory, hostile, webhooks, peers].filter(
      (part) => part !== undefined,
    ),
    { maxExamples: Infinity },
  )
