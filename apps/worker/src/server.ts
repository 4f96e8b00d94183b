import { availableParallelism } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import {
  connectConsumer,
  createLogger,
  createOutcomeWriter,
  RedisCondition,
  startHealthServer,
  urlHost,
  untilUsable,
} from '@onqueue/shared'
import type { WorkerConfig } from './config.ts'
import { createWorkerMetrics } from './metrics.ts'
import { readModelRepository } from './repository/read-model-repository.ts'
import { watchModels } from './repository/watch-models.ts'
import { Janitor } from './upkeep/janitor.ts'
import { openModels } from './versions/open-models.ts'

/** After its grace time a worker is given this long to say goodbye to a Redis that may hang. */
const goodbyeMs = 3000

/**
 * Starts the worker: reads the model repository, then serves every model in it. Rejects with one sentence, and leaves
 * nothing open, when Redis or the health port can't be used or the repository can't be read.
 */
export const startWorker = async (config: WorkerConfig) => {
  const log = createLogger({ service: 'worker', level: config.LOG_LEVEL })
  await using opened = new AsyncDisposableStack()
  const condition = new RedisCondition({ log })
  opened.defer(() => condition.close())
  const redis = connectConsumer(config.REDIS_URL, { log, condition })
  opened.defer(() => redis.disconnect())
  await untilUsable([redis], config.REDIS_URL)

  const store = { redis, namespace: config.ONQUEUE_PREFIX }
  condition.watch(store)
  const outcomes = createOutcomeWriter(store)
  const metrics = createWorkerMetrics({
    executors: () => models.executors(),
    inFlight: () => models.inFlight(),
    refusals: () => condition.counts(),
  })
  const models = openModels({
    ...store,
    cores: config.ONQUEUE_CORES || availableParallelism(),
    versionPatienceMs: config.ONQUEUE_VERSION_PATIENCE,
    outcomes,
    events: metrics,
    log,
  })
  const health = await startHealthServer({
    host: config.ONQUEUE_WORKER_HEALTH_HOST,
    port: config.ONQUEUE_WORKER_HEALTH_PORT,
    hostSetting: 'ONQUEUE_WORKER_HEALTH_HOST',
    portSetting: 'ONQUEUE_WORKER_HEALTH_PORT',
    metricsHosts: config.ONQUEUE_METRICS_HOSTS,
    log,
    isReady: async () => {
      const reasons = [
        ...(await condition.check()),
        ...(models.isLoaded() ? [] : ['models are still loading']),
      ]
      return { ready: reasons.length === 0, reasons }
    },
    metrics: () => metrics.registry.metrics(),
  })
  opened.defer(() => health.close())

  const repository = await readModelRepository(config.ONQUEUE_MODELS_DIR)
  const janitor = new Janitor({
    ...store,
    outcomes,
    log,
    retentionMs: config.ONQUEUE_RETENTION,
    minRetentionMs: config.ONQUEUE_RETENTION_MIN,
    watermark: config.ONQUEUE_SWEEP_WATERMARK,
  })
  opened.defer(() => janitor.close())
  opened.defer(() => models.close(config.ONQUEUE_WORKER_GRACE))
  const names = models.serve(repository)
  if (names.length === 0) {
    log.warn({ dir: config.ONQUEUE_MODELS_DIR }, 'no models here: put a folder with a model.onnx into it')
  }
  opened.defer(watchModels({ dir: config.ONQUEUE_MODELS_DIR, known: names, log }))

  const running = opened.move()
  return {
    url: `http://${urlHost(config.ONQUEUE_WORKER_HEALTH_HOST)}:${health.port}`,
    /** Ends in order, or gives up when Redis does not answer: what had not finished then runs again elsewhere. */
    close: () =>
      Promise.race([
        running.disposeAsync(),
        wait(config.ONQUEUE_WORKER_GRACE + goodbyeMs, undefined, { ref: false }),
      ]),
  }
}
