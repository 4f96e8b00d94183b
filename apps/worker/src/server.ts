import { availableParallelism } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import {
  connectConsumer,
  createLogger,
  createOutcomeWriter,
  startHealthServer,
  untilUsable,
} from '@onqueue/shared'
import type { WorkerConfig } from './config.ts'
import { createWorkerMetrics } from './metrics.ts'
import { readModelRepository } from './repository/read-model-repository.ts'
import { watchModels } from './repository/watch-models.ts'
import { Janitor } from './upkeep/janitor.ts'
import { openModels } from './versions/open-models.ts'
import type { Models } from './versions/open-models.ts'

/** After its grace time a worker is given this long to say goodbye to a Redis that may hang. */
const goodbyeMs = 3000

/**
 * Starts the worker: reads the model repository, then serves every model in it. Rejects with one sentence, and leaves
 * nothing open, when Redis or the health port can't be used or the repository can't be read.
 */
export const startWorker = async (config: WorkerConfig) => {
  const log = createLogger({ service: 'worker', level: config.LOG_LEVEL })
  const redis = connectConsumer(config.REDIS_URL, log)
  let models: Models | undefined
  /** what was opened, and has to be closed in reverse order */
  const opened: (() => unknown)[] = [() => redis.disconnect()]
  const close = async () => {
    for (const closeOne of opened.splice(0).toReversed()) await closeOne()
  }

  try {
    await untilUsable([redis], config.REDIS_URL)
    const metrics = createWorkerMetrics({
      executors: () => models?.executors() ?? [],
      inFlight: () => models?.inFlight() ?? [],
    })
    const health = await startHealthServer({
      host: config.ONQUEUE_WORKER_HEALTH_HOST,
      port: config.ONQUEUE_WORKER_HEALTH_PORT,
      hostSetting: 'ONQUEUE_WORKER_HEALTH_HOST',
      portSetting: 'ONQUEUE_WORKER_HEALTH_PORT',
      log,
      isReady: async () => {
        const reasons = [
          ...(redis.status === 'ready' ? [] : ['Redis does not answer']),
          ...(models?.isLoaded() ? [] : ['models are still loading']),
        ]
        return { ready: reasons.length === 0, reasons }
      },
      metrics: () => metrics.registry.metrics(),
    })
    opened.push(() => health.close())

    const repository = await readModelRepository(config.ONQUEUE_MODELS_DIR)
    const shared = { redis, namespace: config.ONQUEUE_PREFIX, log }
    const outcomes = createOutcomeWriter(shared)
    const janitor = new Janitor({
      ...shared,
      outcomes,
      retentionMs: config.ONQUEUE_RETENTION,
      minRetentionMs: config.ONQUEUE_RETENTION_MIN,
      watermark: config.ONQUEUE_SWEEP_WATERMARK,
    })
    opened.push(() => janitor.close())
    const serving = openModels({
      ...shared,
      repository,
      cores: config.ONQUEUE_CORES || availableParallelism(),
      versionPatienceMs: config.ONQUEUE_VERSION_PATIENCE,
      outcomes,
      events: metrics,
    })
    models = serving
    opened.push(() => serving.close(config.ONQUEUE_WORKER_GRACE))
    if (serving.names.length === 0) {
      log.warn({ dir: config.ONQUEUE_MODELS_DIR }, 'no models here: put a folder with a model.onnx into it')
    }
    opened.push(watchModels({ dir: config.ONQUEUE_MODELS_DIR, known: serving.names, log }))

    return {
      url: `http://127.0.0.1:${health.port}`,
      /** Ends in order, or gives up when Redis does not answer: what had not finished then runs again elsewhere. */
      close: () =>
        Promise.race([close(), wait(config.ONQUEUE_WORKER_GRACE + goodbyeMs, undefined, { ref: false })]),
    }
  } catch (err) {
    await close()
    throw err
  }
}
