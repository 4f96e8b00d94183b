import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import {
  connectConsumer,
  connectSubscriber,
  createLogger,
  createRedisClock,
  createOutcomeWriter,
  createOwnStorage,
  explainOtherStorage,
  readProcessStorages,
  RedisCondition,
  openWhenUsable,
  startHealthServer,
  storageFolderOf,
  urlHost,
} from '@onqueue/shared'
import type { RunningApp } from '@onqueue/shared'
import type { WorkerConfig } from './config.ts'
import { createWorkerMetrics } from './metrics.ts'
import { readModelRepository } from './repository/read-model-repository.ts'
import { watchModels } from './repository/watch-models.ts'
import { createBatchExecutors } from './batches/batch-executors.ts'
import { openChunks } from './chunks/open-chunks.ts'
import { Janitor } from './upkeep/janitor.ts'
import { openModels } from './versions/open-models.ts'

/**
 * Starts the worker: reads the model repository, then serves every model in it, as soon as there is a Redis. Rejects with
 * one sentence, and leaves nothing open, when the health port or this Redis can't be used or the repository can't be read.
 */
export const startWorker = async (config: WorkerConfig, ending: AbortSignal): Promise<RunningApp> => {
  const log = createLogger({ service: 'worker', level: config.LOG_LEVEL })
  await using opened = new AsyncDisposableStack()
  const condition = new RedisCondition({ log })
  opened.defer(() => condition.close())
  const redis = connectConsumer(config.REDIS_URL, { log, condition })
  opened.defer(() => redis.disconnect())

  const subscriber = connectSubscriber(config.REDIS_URL, { log, condition })
  opened.defer(() => subscriber.disconnect())

  const clock = createRedisClock({ redis, log })
  opened.defer(() => clock.close())
  const store = { redis, namespace: config.ONQUEUE_PREFIX, clock: clock.now }
  condition.watch(store)
  const outcomes = createOutcomeWriter(store)
  const metrics = createWorkerMetrics({
    executors: () => models.executors(),
    inFlight: () => models.inFlight(),
    rowLimits: () => models.rowLimits(),
    versions: () => models.versions(),
    batchExecutors: () => batchExecutors.executors(),
    refusals: () => condition.counts(),
    clockAheadMs: () => clock.aheadMs(),
  })
  const cores = config.ONQUEUE_CORES || availableParallelism()
  const storageRoot = resolve(storageFolderOf(config))
  const storage = createOwnStorage({ folder: storageRoot, log })
  const models = openModels({
    ...store,
    modelsDir: resolve(config.ONQUEUE_MODELS_DIR),
    links: config.ONQUEUE_MODELS_LINKS,
    demand: config.ONQUEUE_READY,
    cores,
    ownExecutors: config.ONQUEUE_OWN_EXECUTORS ?? 2 * cores,
    versionPatienceMs: config.ONQUEUE_VERSION_PATIENCE,
    storage: storage.id,
    outcomes,
    events: metrics,
    log,
  })
  const mostExecutors = config.ONQUEUE_BATCH_EXECUTORS ?? cores
  const batchExecutors = createBatchExecutors({
    storageRoot,
    cores,
    mostExecutors,
    priority: config.ONQUEUE_BATCH_PRIORITY,
    log,
  })
  opened.defer(() => batchExecutors.close())
  let graceMs = config.ONQUEUE_WORKER_GRACE
  let isEnding = false
  const health = await startHealthServer({
    host: config.ONQUEUE_WORKER_HEALTH_HOST,
    port: config.ONQUEUE_WORKER_HEALTH_PORT,
    hostSetting: 'ONQUEUE_WORKER_HEALTH_HOST',
    portSetting: 'ONQUEUE_WORKER_HEALTH_PORT',
    metricsHosts: config.ONQUEUE_METRICS_HOSTS,
    log,
    isReady: async () => {
      if (isEnding) return { ready: false, reasons: ['this process stops'] }
      const ofRedis = await condition.check()
      // it does not tell of other workers then
      const reasons = ofRedis.length > 0 ? ofRedis : await models.whyNotReady()
      const others = ofRedis.length > 0 ? [] : await readProcessStorages(store)
      const warnings = [...explainOtherStorage(storage.id(), others), ...clock.warnings()]
      return { ready: reasons.length === 0, reasons: [...reasons, ...warnings] }
    },
    metrics: () => metrics.registry.metrics(),
  })
  opened.defer(() => health.close())

  const rooms = openWhenUsable({
    connections: [redis],
    url: config.REDIS_URL,
    ending,
    open: async (stack) => {
      await clock.read()
      const repository = await readModelRepository(config.ONQUEUE_MODELS_DIR, {
        links: config.ONQUEUE_MODELS_LINKS,
      })
      const janitor = new Janitor({
        ...store,
        outcomes,
        log,
        retentionMs: config.ONQUEUE_RETENTION,
        minRetentionMs: config.ONQUEUE_RETENTION_MIN,
        watermark: config.ONQUEUE_SWEEP_WATERMARK,
        onRepaired: (kind) => metrics.lossFound(kind),
      })
      stack.defer(() => janitor.close())
      stack.defer(() => models.close(graceMs))
      const names = models.serve(repository)
      if (names.length === 0) {
        log.warn({ dir: config.ONQUEUE_MODELS_DIR }, 'no models here: put a folder with a model.onnx into it')
      }
      const chunks = await openChunks({
        ...store,
        subscriber,
        models: () => models.names(),
        definitionOf: (model, digest) => models.definitionOf(model, digest),
        digestsOf: (model) => models.digestsOf(model),
        storage,
        minFreeBytes: config.ONQUEUE_STORAGE_MIN_FREE_BYTES,
        executors: batchExecutors,
        concurrency: mostExecutors,
        events: metrics,
        log,
      })
      stack.defer(() => chunks.close(graceMs))
      stack.defer(watchModels({ dir: config.ONQUEUE_MODELS_DIR, known: names, log }))
    },
  })
  opened.defer(() => rooms.close())
  await rooms.settled

  const running = opened.move()
  return {
    url: `http://${urlHost(config.ONQUEUE_WORKER_HEALTH_HOST)}:${health.port}`,
    graceMs,
    isBusy: () => models.inFlight().some(({ predictions }) => predictions > 0),
    failed: rooms.failed,
    close: (allowedMs) => {
      isEnding = true
      graceMs = allowedMs
      return running.disposeAsync()
    },
  }
}
