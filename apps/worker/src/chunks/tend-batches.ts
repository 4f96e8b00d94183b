import { needsFinish } from '@onqueue/shared'
import type { BatchRecord, BatchStore, ChunkPlace } from '@onqueue/shared'
import { addChunkJobs, addJob } from './chunk-queue.ts'
import type { ChunkQueue } from './chunk-queue.ts'

type Tending = {
  store: BatchStore
  queue: ChunkQueue
  model: string
  /** how many chunks of one owner are in the queue at once */
  window: () => number
}

/**
 * Puts into the queue what is to be done next for the batches of a model, and ends those of which all is done. It may run at any
 * time, and twice: whatever process died, and whatever the queue lost, the next round brings it back. Resolves to the records of
 * those that go on.
 */
export const tendBatches = async (tending: Tending): Promise<BatchRecord[]> => {
  const { store, queue, model } = tending
  const active: BatchRecord[] = []
  for (const id of await store.active(model)) {
    await store.restartIfLost(id)
    const record = await store.read(id)
    if (!record) await store.forget(id)
    else if (!(await endIfDue(store, record))) active.push(record)
  }
  for (const record of active) {
    if (!record.isPlanned) await addJob(queue, record, 'plan')
    else if (needsFinish(record)) await addJob(queue, record, 'finish')
  }
  for (const owner of new Set(active.map(({ about }) => about.owner))) await openNext(tending, owner, active)
  return active
}

/** What follows of a chunk that is done: the batch ends, or goes on. */
export const followUp = async (tending: Tending, record: BatchRecord) => {
  const { store, queue } = tending
  if (await store.endIfDone(record)) return
  const latest = await store.read(record.id)
  if (latest && needsFinish(latest)) await addJob(queue, latest, 'finish')
  await openNext(tending, record.about.owner, [record])
}

/** Puts into the queue what an owner's window has room for. */
const openNext = async (
  { store, queue, model, window }: Tending,
  owner: string,
  records: readonly BatchRecord[],
) => {
  const places = await store.open(model, owner, window())
  const ofBatch = Map.groupBy(places, ({ batchId }: ChunkPlace) => batchId)
  for (const [batchId, chunks] of ofBatch) {
    const record = records.find(({ id }) => id === batchId) ?? (await store.read(batchId))
    if (record) await addChunkJobs(queue, chunks, record.about.priority)
  }
}

const endIfDue = async (store: BatchStore, { id, about, counts, isPlanned, end }: BatchRecord) => {
  if (end) return true
  const mayBeDone =
    (isPlanned && counts.doneChunks === counts.chunks) ||
    counts.failedRows > (about.maxFailedRows ?? Infinity)
  return mayBeDone && (await store.endIfDone({ id, about })) !== null
}
