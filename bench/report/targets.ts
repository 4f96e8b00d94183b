import type { Batches } from '../measure/measure-batch.ts'
import type { Results } from '../measure/run-parts.ts'
import type { PeerKind } from '../measure/peer-figures.ts'
import type { UsageByProcess } from '../processes/process-watch.ts'

/** A figure to reach. `unit` is of value and target. */
export type Target = {
  name: string
  value: number
  target: number
  unit: '%' | '×' | 's' | 'MB' | 'ms' | 'rows/s'
  better: 'higher' | 'lower'
  isReached: boolean
}

/** The figures to reach that can be told from what was measured. */
export const judge = ({
  start,
  chunk,
  batch,
  throughput,
  latency,
  heavy,
  trees,
  memory,
  many,
  peers,
}: Results): Target[] => {
  const targets: Target[] = []
  const atLeast = (name: string, value: number, target: number, unit: Target['unit'] = '%') =>
    targets.push({ name, value, target, unit, better: 'higher', isReached: value >= target })
  const atMost = (name: string, value: number, target: number, unit: Target['unit']) =>
    targets.push({ name, value, target, unit, better: 'lower', isReached: value <= target })

  for (const { model, output, shareOfBare } of chunk ?? []) {
    atLeast(
      `${model} to ${output.toUpperCase()} by chunks, of a bare loop`,
      100 * shareOfBare.median,
      output === 'parquet' ? 85 : 90,
    )
  }
  if (batch) {
    for (const { name, share, target } of batchShares(batch)) atLeast(name, 100 * share, target)
    const { small, executors, memory, files } = batch
    const iris = files.find(({ model }) => model === 'iris')
    if (iris) atLeast('iris, rows by the clock', iris.byClock.median, 100_000, 'rows/s')
    atLeast(
      'rows by the clock while they are scored, of two batch executors of one',
      executors.times.median,
      1.8,
      '×',
    )
    for (const [part, { median }] of Object.entries(memory.many)) {
      const more = median / (memory.few[part]?.median ?? NaN)
      atMost(`peak memory of ${part} with ten times the rows`, more, 1.1, '×')
    }
    atMost(`a batch of ${small.rows} rows, above its compute, p50`, small.ms.p50 - small.computeMs, 300, 'ms')
  }
  if (heavy) atLeast('heavy model through the queue, of raw ONNX Runtime', 100 * heavy.shareOfRaw.median, 97)
  if (trees) atLeast('LightGBM, rows of a CPU second, of those that run alone', trees.times.median, 3, '×')
  if (throughput) {
    const share = (clients: number) =>
      100 * (throughput.predict.find((one) => one.clients === clients)?.shareOfCeiling.median ?? NaN)
    atLeast(
      'submit until finished, 256 in flight, of the queue',
      100 * throughput.submit.shareOfCeiling.median,
      95,
    )
    atLeast('bulk submit, 64 a request, of the queue', 100 * throughput.bulk.shareOfCeiling.median, 180)
    atLeast('predict, 256 clients, of the queue', share(256), 85)
    atLeast('predict, 64 clients, of the queue', share(64), 70)
  }
  if (latency) atMost('idle predict p50, of a no-op round trip', latency.timesNoop.median, 1.9, '×')
  if (start) atMost('npm start to ready, best of its starts', start.lowest, 4, 's')
  if (memory) {
    const megabytes = memory.underLoad.totalBytes / 1e6
    atMost('memory of everything under load, three models (PSS)', megabytes, 380, 'MB')
  }
  if (many) {
    atMost('memory of worker and executors, 100 tiny models (PSS)', many.servingBytes / 1e6, 700, 'MB')
    atMost('npm start until 100 tiny models are ready', many.readyAfterS, 15, 's')
    atMost('CPU of worker and executors with 100 tiny models at rest', 100 * many.servingCpuShare, 3, '%')
  }
  if (throughput) {
    const peak = peakMegabytes([throughput.submit.usage, ...throughput.predict.map(({ usage }) => usage)])
    atMost('API memory under load', peak('API'), 150, 'MB')
    atMost('worker memory under load', peak('worker'), 150, 'MB')
    atMost('executor memory under load, its tiny model included', peak('executor'), 120, 'MB')
  }
  if (peers) {
    for (const { peer, kind, name, target } of peerTargets) {
      const figure = peers.figures.find((one) => one.name === peer && one.kind === kind)
      if (figure) atLeast(`${name}, of ${peer}`, 1 / figure.timesOnQueue.median, target, '×')
    }
  }
  return targets
}

const batchAims: readonly { model: string; format: string; target: number; executorTarget?: number }[] = [
  { model: 'iris', format: 'csv', target: 75 },
  { model: 'housing', format: 'csv', target: 85 },
  { model: 'housing', format: 'parquet', target: 80 },
  { model: 'heavy', format: 'jsonl', target: 95, executorTarget: 97 },
]

const batchShares = ({ files }: Batches) =>
  batchAims.flatMap(({ model, format, target, executorTarget }) => {
    const speed = files.find((one) => one.model === model && one.format === format)
    if (!speed) return []
    const name = `${model}, ${format.toUpperCase()} end to end`
    const all = { name: `${name}, of a script`, share: speed.shareOfBare.median, target }
    if (executorTarget === undefined) return [all]
    const share = speed.executorShare.median
    return [all, { name: `${name}, executors alone, of a script`, share, target: executorTarget }]
  })

/** How many times the figure of a server that is measured beside it OnQueue's is to be. */
const peerTargets: readonly { peer: string; kind: PeerKind; name: string; target: number }[] = [
  { peer: 'glue (Hono + BullMQ)', kind: 'predict', name: 'predict, 64 clients', target: 1.3 },
  { peer: 'glue (Hono + BullMQ)', kind: 'submit', name: 'submit and poll, 64 clients', target: 1.3 },
  { peer: 'LitServe', kind: 'quiet', name: 'heavy model, 128 clients', target: 1 },
  { peer: 'LitServe', kind: 'busy', name: 'heavy model, 128 clients, busy start', target: 1 },
  { peer: 'FastAPI + Celery', kind: 'quiet', name: 'heavy model, 128 clients', target: 3.5 },
  { peer: 'FastAPI + Celery', kind: 'busy', name: 'heavy model, 128 clients, busy start', target: 3.5 },
]

const peakMegabytes = (usages: readonly UsageByProcess[]) => (name: string) =>
  Math.max(...usages.map((usage) => usage[name]?.peakRssBytes ?? NaN)) / 1e6
