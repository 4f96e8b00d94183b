import { cpuSecondsEach } from '../figures/speed.ts'
import type { Rounds } from '../figures/statistics.ts'
import type { AddSpeed, FlowCost } from '../measure/compare-flow.ts'
import type { HeavySpeed } from '../measure/measure-heavy.ts'
import type { Hostile, HostileEffect } from '../measure/measure-hostile.ts'
import type { IdleLatency } from '../measure/measure-latency.ts'
import type { BatchSpeed, OnnxSpeed } from '../measure/measure-onnx.ts'
import type { QueueSpeed } from '../measure/measure-queue.ts'
import type { Throughput } from '../measure/measure-throughput.ts'
import type { Trees } from '../measure/measure-trees.ts'
import type { SpeedBesidePlain, Webhooks } from '../measure/measure-webhooks.ts'
import { count, one, percent, percentiles, row, spread, times, two } from './cells.ts'
import type { Target } from './targets.ts'
import { usageRows } from './usage-rows.ts'

/** Each part of the bench has one or two. */
export type Section = { title: string; rows: string[] }

export const onnxSections = ({ demo, heavy }: OnnxSpeed): Section[] => [
  {
    title: 'Raw ONNX Runtime, one thread, rows/s by rows a run',
    rows: [
      row('', ...demo.map(({ rows }) => String(rows))),
      row('demo-classifier', ...demo.map(toSpeed)),
      row('heavy', ...heavy.map(toSpeed)),
    ],
  },
]

export const queueSections = (speeds: QueueSpeed[]): Section[] => [
  {
    title:
      'BullMQ alone, no-op jobs added and completed at the same time by two processes, 256 adds in flight',
    rows: speeds.map(({ concurrency, jobsPerSecond }) =>
      row(`concurrency ${concurrency}`, `${spread(jobsPerSecond, count)} jobs/s`),
    ),
  },
]

export const throughputSections = ({ ceiling, submit, bulk, predict }: Throughput): Section[] => {
  const ofCeiling = (speed: Throughput['bulk']) =>
    `${spread(speed.shareOfCeiling, percent)} of BullMQ alone, ${percent(cpuSecondsEach(ceiling) / cpuSecondsEach(speed))} by CPU`
  return [
    {
      title: 'demo-classifier over HTTP, load generator on the same cores',
      rows: [
        row('BullMQ alone', `${spread(ceiling.perSecond, count)} jobs/s`),
        row(
          'submit, 256 in flight',
          `${spread(submit.perSecond, count)} finished/s`,
          ofCeiling(submit),
          `(accepted at ${count(submit.acceptedPerSecond.median)}/s)`,
        ),
        row('bulk, 64 a request', `${spread(bulk.perSecond, count)} finished/s`, ofCeiling(bulk)),
        ...predict.map((speed) =>
          row(
            toTitle(speed.clients),
            `${spread(speed.perSecond, count)} answers/s`,
            ofCeiling(speed),
            percentiles(speed.latencyMs),
          ),
        ),
      ],
    },
    {
      title:
        'Processes meanwhile: peak memory, CPU in all rounds, CPU for each job or prediction, wait for a core',
      rows: [
        ...usageRows('BullMQ alone', ceiling),
        ...usageRows('submit, 256 in flight', submit),
        ...usageRows('bulk, 64 a request', bulk),
        ...predict.flatMap((speed) => usageRows(toTitle(speed.clients), speed)),
      ],
    },
  ]
}

export const latencySections = ({
  noopMs,
  noopWaitedForMs,
  predictMs,
  timesNoop,
}: IdleLatency): Section[] => [
  {
    title: 'Idle latency, one caller',
    rows: [
      row('no-op, completed event', percentiles(noopMs)),
      row('no-op, waitUntilFinished', percentiles(noopWaitedForMs)),
      row('predict', percentiles(predictMs), `${spread(timesNoop, times)} the no-op p50`),
    ],
  },
]

export const heavySections = (heavy: HeavySpeed): Section[] => [
  {
    title: `heavy model, micro-batches of ${heavy.batchRows} rows, one thread`,
    rows: [
      row('raw ONNX Runtime', `${spread(heavy.raw, one)} rows/s`),
      row(
        'submit until finished',
        `${spread(heavy.throughQueue, one)} rows/s`,
        spread(heavy.shareOfRaw, percent),
      ),
    ],
  },
  { title: 'Processes meanwhile, as above', rows: usageRows('heavy', heavy) },
]

export const treesSections = ({ together, alone, times: more, executorTimes }: Trees): Section[] => [
  {
    title: 'LightGBM, 200 trees of 30 features, predict with 1,000 rows: CPU of all processes for a row',
    rows: [
      row('rows run alone', `${spread(alone, one)} µs`),
      row('as exported', `${spread(together, one)} µs`, `${spread(more, times)} the rows of a CPU second`),
      row('executors only', '', spread(executorTimes, times)),
    ],
  },
]

export const hostileSections = ({ idle, shapes, together, usage }: Hostile): Section[] => [
  {
    title:
      'Bodies of 10 MB that are hostile by their shape, the worst of the rounds, ms: hold of the loop, /livez, answer',
    rows: [idle, ...shapes, together].map(toEffect),
  },
  {
    title: 'Processes meanwhile, as above',
    rows: usageRows('hostile', { usage, finished: shapes.length }),
  },
]

const toEffect = ({ name, longestHoldMs, slowestLivezMs, answeredMs }: HostileEffect) =>
  row(name, one(longestHoldMs), one(slowestLivezMs), one(answeredMs))

export const webhooksSections = ({
  plain,
  undelivered,
  delivered,
  backlog,
  deliveries,
}: Webhooks): Section[] => [
  {
    title: 'Webhooks: demo-classifier over HTTP, 256 in flight, one receiver on the same cores',
    rows: [
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
    ],
  },
  {
    title: 'Processes meanwhile, as above, for each prediction or delivery',
    rows: [
      ...usageRows('submit without', plain),
      ...usageRows('submit with, no delivery', undelivered),
      ...usageRows('submit with, delivered', delivered),
      ...usageRows('backlog delivered', backlog),
    ],
  },
]

export const flowSections = ({ job, flow }: FlowCost): Section[] => {
  const share = `${spread(flow.shareOfJob, percent)} of queue.add`
  const size = `${times(flow.bytesEach.median / job.bytesEach.median)} its bytes`
  return [
    {
      title: 'BullMQ, a webhook as a flow, one process adds with 256 adds in flight, nobody takes',
      rows: [
        row('queue.add', ...addCells(job)),
        row('FlowProducer.add', ...addCells(flow), `${share}, ${size}`),
        ...usageRows('queue.add', job),
        ...usageRows('FlowProducer.add', flow),
      ],
    },
  ]
}

export const startSections = (start: Rounds): Section[] => [
  {
    title: 'npm start to ready',
    rows: [row('', `${spread(start, two)} s, best ${two(start.lowest)} s`)],
  },
]

export const targetsSections = (targets: readonly Target[]): Section[] => [
  { title: 'Figures to reach', rows: targets.map(toVerdict) },
]

const toSpeed = ({ rowsPerSecond }: BatchSpeed) => count(rowsPerSecond)

const toTitle = (clients: number) => `predict, ${clients} client${clients === 1 ? '' : 's'}`

const besidePlain = ({ perSecond, shareOfPlain }: SpeedBesidePlain) => [
  `${spread(perSecond, count)} finished/s`,
  `${spread(shareOfPlain, percent)} of without`,
]

const addCells = ({ perSecond, bytesEach }: AddSpeed) => [
  `${spread(perSecond, count)} adds/s`,
  `${spread(bytesEach, count)} bytes each`,
]

const toVerdict = ({ name, value, target, unit, better, isReached }: Target) =>
  `${isReached ? 'reached    ' : 'NOT reached'}  ${name}: ${value.toFixed(unit === '×' || unit === 's' ? 2 : 1)} ${unit} (${better === 'higher' ? '≥' : '≤'} ${target} ${unit})`
