import type { BatchSpeed } from '../ceiling/onnx-ceiling.ts'
import type { UsageByProcess } from '../processes/process-watch.ts'
import type { Results } from '../measure/run-parts.ts'
import { sum } from '../figures/statistics.ts'
import type { Latency, Rounds } from '../figures/statistics.ts'
import type { Target } from './targets.ts'

/** The results as text for a terminal. Of several rounds the median, with the lowest and the highest in brackets. */
export const toReport = (
  { start, onnx, queue, throughput, latency, heavy, webhooks, flow }: Results,
  targets: readonly Target[],
) => {
  const sections: string[][] = []
  if (onnx) {
    sections.push([
      'Raw ONNX Runtime, one thread, rows/s by rows a run',
      row('', ...onnx.demo.map(({ rows }) => String(rows))),
      row('demo-classifier', ...onnx.demo.map(toSpeed)),
      row('heavy', ...onnx.heavy.map(toSpeed)),
    ])
  }
  if (queue) {
    sections.push([
      'BullMQ alone, no-op jobs added and completed at the same time by two processes, 256 adds in flight',
      ...queue.map(({ concurrency, jobsPerSecond }) =>
        row(`concurrency ${concurrency}`, `${spread(jobsPerSecond, count)} jobs/s`),
      ),
    ])
  }
  if (throughput) {
    const { ceiling, submit, predict } = throughput
    sections.push([
      'demo-classifier over HTTP, load generator on the same cores',
      row('BullMQ alone', `${spread(ceiling.perSecond, count)} jobs/s`),
      row(
        'submit, 256 in flight',
        `${spread(submit.perSecond, count)} finished/s`,
        `${spread(submit.shareOfCeiling, percent)} of BullMQ alone`,
        `(accepted at ${count(submit.acceptedPerSecond.median)}/s)`,
      ),
      ...predict.map(({ clients, perSecond, shareOfCeiling, latencyMs }) =>
        row(
          toTitle(clients),
          `${spread(perSecond, count)} answers/s`,
          `${spread(shareOfCeiling, percent)} of BullMQ alone`,
          percentiles(latencyMs),
        ),
      ),
    ])
    sections.push([
      'Processes meanwhile: peak memory, CPU in all rounds, CPU for each job or prediction, wait for a core',
      ...usageRows('BullMQ alone', ceiling),
      ...usageRows('submit, 256 in flight', submit),
      ...predict.flatMap((speed) => usageRows(toTitle(speed.clients), speed)),
    ])
  }
  if (latency) {
    sections.push([
      'Idle latency, one caller',
      row('no-op, completed event', percentiles(latency.noopMs)),
      row('no-op, waitUntilFinished', percentiles(latency.noopWaitedForMs)),
      row('predict', percentiles(latency.predictMs), `${spread(latency.timesNoop, times)} the no-op p50`),
    ])
  }
  if (heavy) {
    sections.push([
      `heavy model, micro-batches of ${heavy.batchRows} rows, one thread`,
      row('raw ONNX Runtime', `${spread(heavy.raw, one)} rows/s`),
      row(
        'submit until finished',
        `${spread(heavy.throughQueue, one)} rows/s`,
        spread(heavy.shareOfRaw, percent),
      ),
    ])
    sections.push(['Processes meanwhile, as above', ...usageRows('heavy', heavy)])
  }
  if (webhooks) {
    const { plain, undelivered, delivered, backlog, deliveries } = webhooks
    const besidePlain = ({ perSecond, shareOfPlain }: typeof undelivered) => [
      `${spread(perSecond, count)} finished/s`,
      `${spread(shareOfPlain, percent)} of without`,
    ]
    sections.push([
      'Webhooks: demo-classifier over HTTP, 256 in flight, one receiver on the same cores',
      row('submit without', `${spread(plain.perSecond, count)} finished/s`),
      row('submit with, no delivery', ...besidePlain(undelivered)),
      row(
        'submit with, delivered',
        ...besidePlain(delivered),
        `${spread(delivered.deliveriesPerSecond, count)} deliveries/s`,
      ),
      row('backlog delivered', `${spread(backlog.perSecond, count)} deliveries/s`),
      row(
        'deliveries arrived',
        count(deliveries.arrived),
        `${count(deliveries.repeated)} of them repeated`,
        `${count(deliveries.checked)} checked`,
      ),
    ])
    sections.push([
      'Processes meanwhile, as above, for each prediction or delivery',
      ...usageRows('submit without', plain),
      ...usageRows('submit with, no delivery', undelivered),
      ...usageRows('submit with, delivered', delivered),
      ...usageRows('backlog delivered', backlog),
    ])
  }
  if (flow) {
    const { job, flow: parentAndChild } = flow
    const bytes = ({ bytesEach }: typeof job) => `${spread(bytesEach, count)} bytes each`
    sections.push([
      'BullMQ, a webhook as a flow, one process adds with 256 adds in flight, nobody takes',
      row('queue.add', `${spread(job.perSecond, count)} adds/s`, bytes(job)),
      row(
        'FlowProducer.add',
        `${spread(parentAndChild.perSecond, count)} adds/s`,
        bytes(parentAndChild),
        `${spread(parentAndChild.shareOfJob, percent)} of queue.add, ${times(parentAndChild.bytesEach.median / job.bytesEach.median)} its bytes`,
      ),
      ...usageRows('queue.add', job),
      ...usageRows('FlowProducer.add', parentAndChild),
    ])
  }
  if (start)
    sections.push(['npm start to ready', row('', `${spread(start, two)} s, best ${two(start.lowest)} s`)])
  if (targets.length > 0) sections.push(['Figures to reach', ...targets.map(toVerdict)])
  return sections.map((lines) => lines.join('\n  ')).join('\n\n')
}

const toTitle = (clients: number) => `predict, ${clients} client${clients === 1 ? '' : 's'}`

const usageRows = (title: string, { usage, finished }: { usage: UsageByProcess; finished: number }) => {
  const all = Object.values(usage)
  const cpuSeconds = sum(all.map((one) => one.cpuSeconds))
  return [
    ...Object.entries(usage).map(([name, one], index) =>
      row(
        index === 0 ? title : '',
        name.padEnd(16),
        `${count(one.peakRssBytes / 1e6)} MB`.padStart(7),
        ...cpuCells(one.cpuSeconds, finished),
        `${one.waitedSeconds.toFixed(1)} s`.padStart(8),
      ),
    ),
    row('', 'together'.padEnd(16), ''.padEnd(7), ...cpuCells(cpuSeconds, finished)),
  ]
}

const cpuCells = (cpuSeconds: number, finished: number) => [
  `${cpuSeconds.toFixed(1)} s`.padStart(8),
  `${count((1e6 * cpuSeconds) / finished)} µs`.padStart(9),
]

const toVerdict = ({ name, value, target, unit, better, isReached }: Target) =>
  `${isReached ? 'reached    ' : 'NOT reached'}  ${name}: ${value.toFixed(unit === '×' || unit === 's' ? 2 : 1)} ${unit} (${better === 'higher' ? '≥' : '≤'} ${target} ${unit})`

const row = (name: string, ...cells: string[]) =>
  [name.padEnd(26), ...cells.map((cell) => cell.padEnd(8))].join('  ').trimEnd()

const toSpeed = ({ rowsPerSecond }: BatchSpeed) => count(rowsPerSecond)

const spread = ({ median, lowest, highest, rounds }: Rounds, format: (value: number) => string) =>
  rounds.length === 1 ? format(median) : `${format(median)} [${format(lowest)}–${format(highest)}]`

const percentiles = ({ p50, p95, p99 }: Latency) => `p50 ${two(p50)}  p95 ${two(p95)}  p99 ${two(p99)} ms`

const count = (value: number) => Math.round(value).toLocaleString('en')
const percent = (value: number) => `${(100 * value).toFixed(1)} %`
const times = (value: number) => `${value.toFixed(2)}×`
const one = (value: number) => value.toFixed(1)
const two = (value: number) => value.toFixed(2)
