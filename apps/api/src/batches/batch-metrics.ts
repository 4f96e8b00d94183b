import { isRedisAway } from '@onqueue/shared'
import type { LocalStorage, Logger } from '@onqueue/shared'
import { Counter, Gauge } from 'prom-client'
import type { Registry } from 'prom-client'
import type { ModelCatalog } from '../models/model-catalog.ts'
import type { ActiveBatches } from './open-batches.ts'

/** Counts files that are taken in, and tells of the storage and of batches that have not ended. docs/metrics.md explains each. */
export const addBatchMetrics = (
  registry: Registry,
  {
    catalog,
    readActive,
    storage,
    log,
  }: {
    catalog: Pick<ModelCatalog, 'list'>
    readActive: (model: string) => Promise<ActiveBatches>
    storage: () => Promise<LocalStorage>
    log: Pick<Logger, 'warn'>
  },
) => {
  const registers = [registry]
  const uploads = new Counter({
    name: 'onqueue_uploads_total',
    help: 'Files that were taken in',
    registers,
  })
  const uploadBytes = new Counter({
    name: 'onqueue_upload_bytes_total',
    help: 'Bytes of the files that were taken in, decoded',
    registers,
  })
  new Gauge({
    name: 'onqueue_storage_free_bytes',
    help: 'Bytes that the disk of the storage has room for; NaN while it can not be used',
    registers,
    async collect() {
      // the log says why it can't be used
      const opened = await storage().catch(() => undefined)
      this.set((await opened?.freeBytes().catch(() => undefined)) ?? Number.NaN)
    },
  })
  const readAll = async (gauge: Gauge<'model'>, valueOf: (active: ActiveBatches) => number) => {
    gauge.reset()
    try {
      for (const { name: model } of catalog.list()) gauge.set({ model }, valueOf(await readActive(model)))
    } catch (err) {
      // a scrape is of use also while Redis is away
      if (!isRedisAway(err)) log.warn({ err }, 'batches could not be read for a scrape')
    }
  }
  new Gauge({
    name: 'onqueue_batches_active',
    help: 'Batches that have not ended',
    labelNames: ['model'],
    registers,
    collect() {
      return readAll(this, ({ count }) => count)
    },
  })
  new Gauge({
    name: 'onqueue_oldest_batch_seconds',
    help: 'Age of the oldest batch that has not ended; 0 when there is none',
    labelNames: ['model'],
    registers,
    collect() {
      return readAll(this, ({ oldestAgeSeconds }) => oldestAgeSeconds)
    },
  })
  return {
    fileReceived: (bytes: number) => {
      uploads.inc()
      uploadBytes.inc(bytes)
    },
  }
}
