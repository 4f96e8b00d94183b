import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import { clockOffset, redisLosses, redisRefusals } from '@onqueue/shared'
import type { Outcome, PredictionJobData } from '@onqueue/shared'
import { readResidentBytes } from './supervision/resident-bytes.ts'

/** The worker's metrics. Labels have few values: a model's name, a status, a cause; never an id. */
export type WorkerMetrics = {
  registry: Registry
  predictionEnded(model: string, outcome: Outcome, job: PredictionJobData): void
  microBatchRan(model: string, rows: number, runMs: number): void
  executorDied(model: string, how: 'crashed' | 'timed_out' | 'load_failed' | 'stopped'): void
  lossFound(kind: string): void
  /** A chunk of a batch was scored here. */
  chunkScored(model: string, score: { rows: number; failed: number; bytes: number }): void
}

export const createWorkerMetrics = ({
  executors,
  inFlight,
  rowLimits,
  versions,
  batchExecutors,
  refusals,
  clockAheadMs,
}: {
  /** pids of the executors of each model at this moment */
  executors: () => { model: string; pids: number[] }[]
  /** predictions of each model that were taken and have not finished */
  inFlight: () => { model: string; predictions: number }[]
  /** how many rows of each version run together at present, and what keeps it from being more */
  rowLimits: () => { model: string; version: string; rows: number; boundBy: string }[]
  /** versions that this worker has */
  versions: () => { model: string; status: 'loading' | 'refused' | 'ready' }[]
  /** pids of the processes that score batches */
  batchExecutors: () => Promise<{ model: string; pid: number }[]>
  /** what Redis refused so far */
  refusals: () => { code: string; count: number }[]
  /** how far the own clock is ahead of Redis' */
  clockAheadMs: () => number
}): WorkerMetrics => {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  const ended = new Counter({
    name: 'onqueue_predictions_total',
    help: 'Predictions that this worker ended, by how they ended',
    labelNames: ['model', 'status', 'code'],
    registers,
  })
  const queueTime = new Histogram({
    name: 'onqueue_queue_time_seconds',
    help: 'From submission until a worker took the prediction',
    labelNames: ['model'],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000],
    registers,
  })
  const runTime = new Histogram({
    name: 'onqueue_run_time_seconds',
    help: 'Time of one micro-batch in its executor',
    labelNames: ['model'],
    buckets: [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30],
    registers,
  })
  const batchRows = new Histogram({
    name: 'onqueue_micro_batch_rows',
    help: 'Rows that ran together',
    labelNames: ['model'],
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers,
  })
  new Gauge({
    name: 'onqueue_micro_batch_limit_rows',
    help: 'Rows of a version that may run together at present, by what keeps it from being more',
    labelNames: ['model', 'version', 'bound_by'],
    registers,
    collect() {
      this.reset()
      for (const { model, version, rows, boundBy } of rowLimits())
        this.set({ model, version, bound_by: boundBy }, rows)
    },
  })
  const restarts = new Counter({
    name: 'onqueue_executor_restarts_total',
    help: 'Executors that died, or did not come to load their model, and were started again, by cause',
    labelNames: ['model', 'cause'],
    registers,
  })
  const stopped = new Counter({
    name: 'onqueue_runs_stopped_total',
    help: 'Runs that were stopped, by replacing their executor, since nobody waited for them any more',
    labelNames: ['model'],
    registers,
  })
  new Gauge({
    name: 'onqueue_predictions_in_hand',
    help: 'Predictions that this worker has taken and not finished',
    labelNames: ['model'],
    registers,
    collect() {
      for (const { model, predictions } of inFlight()) this.set({ model }, predictions)
    },
  })
  new Gauge({
    name: 'onqueue_model_versions',
    help: 'Versions of a model that this worker has, by whether they are loading, ready or refused',
    labelNames: ['model', 'status'],
    registers,
    collect() {
      this.reset()
      for (const { model, status } of versions()) this.inc({ model, status })
    },
  })
  new Gauge({
    name: 'onqueue_executor_memory_bytes',
    help: 'Resident memory of the executors of a model; of one that several versions share, an equal part',
    labelNames: ['model'],
    registers,
    async collect() {
      const now = executors()
      const sharers = Map.groupBy(
        now.flatMap(({ pids }) => pids),
        (pid) => pid,
      )
      for (const { model, pids } of now) {
        const sizes = await Promise.all(
          pids.map(async (pid) => (await readResidentBytes(pid)) / (sharers.get(pid)?.length ?? 1)),
        )
        this.set(
          { model },
          sizes.reduce((sum, size) => sum + size, 0),
        )
      }
    },
  })
  const chunks = new Counter({
    name: 'onqueue_batch_chunks_total',
    help: 'Chunks of batches that this worker scored',
    labelNames: ['model'],
    registers,
  })
  const chunkRows = new Counter({
    name: 'onqueue_batch_rows_total',
    help: 'Rows of batches that this worker scored, by how they ended',
    labelNames: ['model', 'status'],
    registers,
  })
  const chunkBytes = new Counter({
    name: 'onqueue_batch_output_bytes_total',
    help: 'Bytes of the output of batches that this worker wrote',
    labelNames: ['model'],
    registers,
  })
  new Gauge({
    name: 'onqueue_batch_executor_memory_bytes',
    help: 'Resident memory of the processes that score batches of a model',
    labelNames: ['model'],
    registers,
    async collect() {
      this.reset()
      for (const { model, pid } of await batchExecutors()) this.inc({ model }, await readResidentBytes(pid))
    },
  })
  const losses = new Counter({ ...redisLosses, registers })
  new Counter({ ...redisRefusals(refusals), registers })
  new Gauge({ ...clockOffset(clockAheadMs), registers })

  return {
    registry,
    predictionEnded: (model, outcome, job) => {
      ended.inc({ model, status: outcome.status, code: outcome.error?.code ?? '' })
      if (outcome.startedAt !== null)
        queueTime.observe({ model }, Math.max(0, outcome.startedAt - job.createdAt) / 1000)
    },
    microBatchRan: (model, rows, runMs) => {
      batchRows.observe({ model }, rows)
      runTime.observe({ model }, runMs / 1000)
    },
    executorDied: (model, how) => {
      if (how === 'stopped') stopped.inc({ model })
      else restarts.inc({ model, cause: how })
    },
    lossFound: (kind) => losses.inc({ kind }),
    chunkScored: (model, { rows, failed, bytes }) => {
      chunks.inc({ model })
      chunkRows.inc({ model, status: 'succeeded' }, rows - failed)
      chunkRows.inc({ model, status: 'failed' }, failed)
      chunkBytes.inc({ model }, bytes)
    },
  }
}
