import {
  batchExpiry,
  batchPrefix,
  explainVersionGone,
  levelOf,
  lockSettings,
  modelOfBatchId,
  Rounds,
} from '@onqueue/shared'
import type { BatchRecord, BatchStore, LocalStorage, Logger } from '@onqueue/shared'
import { inputGone } from './create-batch.ts'
import type { Files } from '../files/open-files.ts'
import type { ModelCatalog } from '../models/model-catalog.ts'
import { missVersions } from './why-waiting.ts'

/**
 * Ends batches whose time is over, or whose version no worker has had for too long; lets go of the files of those that have ended,
 * takes what is left of them out of the queue, and removes those that ended long ago with their parts. Every API process does it, as
 * the storage is there; what two of them do at once is done once.
 */
export type BatchSweeper = {
  /** Looks at the batches of a model now. Never rejects. */
  sweepModel(model: string): Promise<void>
  close(): Promise<void>
}

const mostIntervalMs = 10_000
/** How often it is looked for bytes of which no record tells. */
const strayIntervalMs = 3_600_000

export const createBatchSweeper = ({
  store,
  files,
  storage,
  catalog,
  clock,
  keptMs,
  versionPatienceMs,
  log,
}: {
  store: BatchStore
  files: Pick<Files, 'hold' | 'letGo'>
  storage: () => Promise<LocalStorage>
  catalog: Pick<ModelCatalog, 'list' | 'get'>
  clock: () => number
  /** of batches, at the most */
  keptMs: number
  /** how long a batch waits for a worker that has its version */
  versionPatienceMs: number
  log: Pick<Logger, 'warn' | 'debug' | 'info'>
}): BatchSweeper => {
  let lookedForStraysAt = performance.now()
  /** since when batches of a model miss their version, by their ids */
  const missing = new Map<string, Map<string, number>>()
  /** ids do not all have a time in them */
  const straysSeenAt = new Map<string, number>()
  const rounds = new Rounds({
    run: async () => {
      for (const { name } of catalog.list()) if (!rounds.isClosed) await sweepModel(name)
      if (performance.now() - lookedForStraysAt < strayIntervalMs) return
      lookedForStraysAt = performance.now()
      await removeStrays()
    },
    intervalMs: Math.min(mostIntervalMs, Math.max(100, versionPatienceMs / 4)),
    onError: (err) => log[levelOf(err)]({ err }, 'batches could not be swept'),
  })

  const sweep = async (model: string) => {
    const goOn: BatchRecord[] = []
    for (const id of await store.active(model)) {
      const record = await store.read(id)
      if (!record) await forget(id)
      else if (record.about.deadline <= clock()) await store.end(record, { status: 'expired', error: null })
      else if (!(await files.hold(record.about.fileId, id)))
        await store.end(record, { status: 'failed', error: inputGone })
      else goOn.push(record)
    }
    await endWithoutVersion(model, goOn)
    for (const id of await store.due(model)) {
      const record = await store.read(id)
      if (!record) await forget(id)
      else if (batchExpiry(record) <= clock()) await remove(id)
      else {
        const kept = await store.clearJobs(id)
        await files.letGo(record.about.fileId, id)
        await removeUnfinished(record)
        // of a worker that died they are free when its locks have run out
        await store.lookAgain(id, kept > 0 ? clock() + lockSettings.lockDuration : batchExpiry(record))
      }
    }
  }

  /** Redis lost its record. */
  const forget = async (id: string) => {
    await store.clearJobs(id)
    await store.forget(id)
  }

  const endWithoutVersion = async (model: string, records: readonly BatchRecord[]) => {
    const now = clock()
    const heartbeats = catalog.get(model)?.heartbeats ?? []
    const since = missVersions(missing.get(model) ?? new Map(), records, { heartbeats, now })
    missing.set(model, since)
    for (const record of records) {
      if (now - (since.get(record.id) ?? now) < versionPatienceMs) continue
      const detail = explainVersionGone(record.about.version)
      await store.end(record, { status: 'failed', error: { code: 'version_gone', detail } })
    }
  }

  /** Parts that were being written by executors that were killed: nobody goes on with them. */
  const removeUnfinished = async ({ id, about }: BatchRecord) => {
    const opened = await storage()
    if (opened.id === about.storage) await opened.removeUnfinished(batchPrefix(id))
  }

  /** Its bytes first: nobody reads them any more. */
  const remove = async (id: string) => {
    const record = await store.read(id)
    if (!record) return
    const opened = await storage()
    if (opened.id !== record.about.storage) return
    await opened.remove(batchPrefix(id))
    await store.clearJobs(id)
    await files.letGo(record.about.fileId, id)
    await store.remove(record)
  }

  /** As a Redis that lost records leaves them; see sweep-files.ts. */
  const removeStrays = async () => {
    const opened = await storage()
    const ids = new Set<string>()
    for await (const name of opened.list('batches/')) ids.add(name.split('/')[1] ?? '')
    for (const id of ids) {
      if (rounds.isClosed || modelOfBatchId(id) === undefined || (await store.read(id)) || !isOld(id))
        continue
      log.info({ batchId: id }, 'removed the bytes of a batch that redis does not know')
      await opened.remove(batchPrefix(id))
    }
  }
  const isOld = (id: string) => {
    const seenAt = straysSeenAt.get(id) ?? clock()
    straysSeenAt.set(id, seenAt)
    return clock() - seenAt > keptMs
  }

  const sweepModel = (model: string) =>
    sweep(model).catch((err: unknown) => log[levelOf(err)]({ err, model }, 'batches could not be swept'))

  return { sweepModel, close: () => rounds.close() }
}
