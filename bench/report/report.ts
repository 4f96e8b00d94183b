import type { Results } from '../measure/run-parts.ts'
import { batchSections } from './batch-sections.ts'
import { chunkSections } from './chunk-sections.ts'
import { manySections, memorySections } from './memory-sections.ts'
import { peersSections } from './peers-sections.ts'
import {
  flowSections,
  heavySections,
  hostileSections,
  latencySections,
  onnxSections,
  queueSections,
  startSections,
  targetsSections,
  throughputSections,
  treesSections,
  webhooksSections,
} from './sections.ts'
import type { Section } from './sections.ts'
import type { Target } from './targets.ts'

/** The results as text for a terminal. */
export const toReport = (
  {
    start,
    onnx,
    chunk,
    batch,
    queue,
    throughput,
    latency,
    heavy,
    trees,
    memory,
    many,
    hostile,
    webhooks,
    flow,
    peers,
  }: Results,
  targets: readonly Target[],
) => {
  const sections: Section[] = [
    ...(onnx ? onnxSections(onnx) : []),
    ...(chunk ? chunkSections(chunk) : []),
    ...(batch ? batchSections(batch) : []),
    ...(queue ? queueSections(queue) : []),
    ...(throughput ? throughputSections(throughput) : []),
    ...(latency ? latencySections(latency) : []),
    ...(heavy ? heavySections(heavy) : []),
    ...(trees ? treesSections(trees) : []),
    ...(memory ? memorySections(memory) : []),
    ...(many ? manySections(many) : []),
    ...(hostile ? hostileSections(hostile) : []),
    ...(webhooks ? webhooksSections(webhooks) : []),
    ...(flow ? flowSections(flow) : []),
    ...(peers ? peersSections(peers) : []),
    ...(start ? startSections(start) : []),
    ...(targets.length > 0 ? targetsSections(targets) : []),
  ]
  return sections.map(({ title, rows }) => [title, ...rows].join('\n  ')).join('\n\n')
}
