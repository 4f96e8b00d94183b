import { clockOffset, isRedisAway, redisLosses, redisRefusals } from '@onqueue/shared'
import type { Logger } from '@onqueue/shared'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { CountRequest } from './http/count-requests.ts'
import type { Models } from './models/open-models.ts'
import type { CountSubmits } from './submit/add-prediction.ts'

/** What the API counts. docs/metrics.md explains every metric. */
export type Metrics = CountSubmits & {
  countRequest: CountRequest
  /** a request that was refused for the connections that its address has open */
  connectionRefused(): void
  /** Redis had lost something of this kind, which was put right. */
  lossFound(kind: string): void
  /** Everything, as Prometheus text. What is known of the queues is read for it; without Redis it is left out. */
  collect(): Promise<string>
  registry: Registry
}

/**
 * The metrics of one API process.
 *
 * Labels have few values: a route is the pattern of the router, and a model that no worker ever published is the empty
 * label, which to Prometheus is none.
 */
export const createMetrics = ({
  models,
  countWaiters,
  countEventStreams,
  underWayBytes = () => 0,
  refusals,
  clockAheadMs,
  log,
  hasProcessMetrics = true,
}: {
  models: Pick<Models, 'list' | 'get' | 'readWaiting'>
  /** requests that wait for an outcome right now */
  countWaiters: () => number
  /** open streams of server-sent events */
  countEventStreams: () => number
  /** bytes of requests and answers that are in memory right now */
  underWayBytes?: () => number
  /** what Redis refused so far */
  refusals: () => { code: string; count: number }[]
  /** how far the own clock is ahead of Redis' */
  clockAheadMs: () => number
  log: Logger
  /** whether Node's own metrics are in it */
  hasProcessMetrics?: boolean
}): Metrics => {
  const registry = new Registry()
  const instruments = createInstruments(registry)
  const registers = [registry]
  new Counter({ ...redisRefusals(refusals), registers })
  new Gauge({ ...clockOffset(clockAheadMs), registers })
  if (hasProcessMetrics) collectDefaultMetrics({ register: registry })

  return {
    registry,
    countRequest: ({ method, route: path, status, seconds }) => {
      const route = routeLabel(path)
      instruments.requests.inc({ method: methodLabel(method), route, status })
      instruments.requestDuration.observe({ route }, seconds)
    },
    connectionRefused: () => instruments.connectionsRefused.inc(),
    countSubmitted: (model, priority) => instruments.submitted.inc({ model, priority }),
    countPacked: (model, predictions) => instruments.packed.observe({ model }, predictions),
    countRefused: (model, code) => instruments.refused.inc({ model: models.get(model) ? model : '', code }),
    lossFound: (kind) => instruments.redisLosses.inc({ kind }),
    collect: async () => {
      instruments.waiters.set(countWaiters())
      instruments.eventStreams.set(countEventStreams())
      instruments.underWayBytes.set(underWayBytes())
      readModels(instruments, models)
      // a scrape is of use also while Redis is away
      await readQueues(instruments, models).catch((err: unknown) => {
        if (!isRedisAway(err)) log.warn({ err }, 'queues could not be read for a scrape')
      })
      return registry.metrics()
    },
  }
}

type Instruments = ReturnType<typeof createInstruments>

const createInstruments = (registry: Registry) => {
  const registers = [registry]
  return {
    requests: new Counter({
      name: 'onqueue_http_requests_total',
      help: 'Requests answered, by the pattern of their route',
      labelNames: ['method', 'route', 'status'],
      registers,
    }),
    requestDuration: new Histogram({
      name: 'onqueue_http_request_duration_seconds',
      help: 'From the arrival of a request to the start of its response; waits for a result are part of it',
      labelNames: ['route'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    connectionsRefused: new Counter({
      name: 'onqueue_http_connections_refused_total',
      help: 'Requests refused because their address has too many connections open',
      registers,
    }),
    submitted: new Counter({
      name: 'onqueue_predictions_submitted_total',
      help: 'Predictions put into the queue',
      labelNames: ['model', 'priority'],
      registers,
    }),
    packed: new Histogram({
      name: 'onqueue_pack_predictions',
      help: 'Predictions that were put into the queue as one job; those that are never packed are left out',
      labelNames: ['model'],
      buckets: [1, 2, 4, 8, 16, 32, 64],
      registers,
    }),
    refused: new Counter({
      name: 'onqueue_predictions_refused_total',
      help: 'Predictions refused before they were put into the queue, by the code of the error',
      labelNames: ['model', 'code'],
      registers,
    }),
    queueDepth: new Gauge({
      name: 'onqueue_queue_depth',
      help: 'Predictions that wait for a worker',
      labelNames: ['model'],
      registers,
    }),
    oldestWaiting: new Gauge({
      name: 'onqueue_oldest_waiting_seconds',
      help: 'How long the oldest waiting prediction has waited; 0 when none does',
      labelNames: ['model'],
      registers,
    }),
    modelWorkers: new Gauge({
      name: 'onqueue_model_workers',
      help: 'Live workers that have the model',
      labelNames: ['model'],
      registers,
    }),
    waiters: new Gauge({
      name: 'onqueue_waiters',
      help: 'Requests that wait for a result right now',
      registers,
    }),
    redisLosses: new Counter({ ...redisLosses, registers }),
    underWayBytes: new Gauge({
      name: 'onqueue_under_way_bytes',
      help: 'Bytes of requests and answers that are in memory right now',
      registers,
    }),
    eventStreams: new Gauge({
      name: 'onqueue_event_streams',
      help: 'Open streams of server-sent events',
      registers,
    }),
  }
}

const readModels = ({ modelWorkers }: Instruments, models: Pick<Models, 'list'>) => {
  modelWorkers.reset()
  for (const { name, heartbeats } of models.list()) modelWorkers.set({ model: name }, heartbeats.length)
}

const readQueues = async (
  { queueDepth, oldestWaiting }: Instruments,
  models: Pick<Models, 'list' | 'readWaiting'>,
) => {
  queueDepth.reset()
  oldestWaiting.reset()
  const names = models.list().map(({ name }) => name)
  for (const [index, waiting] of (
    await Promise.all(names.map((name) => models.readWaiting(name)))
  ).entries()) {
    const model = names[index] ?? ''
    queueDepth.set({ model }, waiting.count)
    oldestWaiting.set({ model }, waiting.oldestAgeSeconds ?? 0)
  }
}

/** Where only middleware matched, no route did. */
const routeLabel = (path: string) => (path === '/*' || path === '*' || path === '' ? 'unmatched' : path)

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const methodLabel = (method: string) => (methods.has(method) ? method : 'other')
