import { needsFinish } from '@onqueue/shared'
import type { BatchRecord, BatchStore, ChunkPlace, Scorer } from '@onqueue/shared'
import { addChunkJobs, addJob } from './chunk-queue.ts'
import type { ChunkQueue } from './chunk-queue.ts'

type Tending = {
  store: BatchStore
  queue: ChunkQueue
  model: string
  /** what this worker can score; of one owner its window is in the queue at once */
  scorer: () => Scorer
}

/** Whether a worker can go on with a batch. */
export const isFor = ({ storage, digests }: Pick<Scorer, 'storage' | 'digests'>, { about }: BatchRecord) =>
  digests.includes(about.digest) && isIn(storage, { about })

/** Whether its files are in a storage; of a worker that can't open its own that is found out with the first chunk. */
export const isIn = (storage: string | undefined, { about }: Pick<BatchRecord, 'about'>) =>
  storage === undefined || about.storage === storage

/** The batches of a model that go on. Ends those of which all is done, and has those begin anew of which Redis lost a part. */
export const readActive = async (store: BatchStore, model: string): Promise<BatchRecord[]> => {
  const active: BatchRecord[] = []
  for (const id of await store.active(model)) {
    await store.restartIfLost(id)
    const record = await store.read(id)
    if (!record) await store.forget(id)
    else if (!(await endIfDue(store, record))) active.push(record)
  }
  return active
}

/**
 * Puts into the queue what is to be done next for those of the batches that this worker can go on with. It may run at any time, and
 * twice: whatever process died, and whatever the queue lost, the next round brings it back.
 */
export const tendBatches = async (tending: Tending, active: readonly BatchRecord[]) => {
  const { queue, scorer } = tending
  const mine = active.filter((record) => isFor(scorer(), record))
  for (const record of mine) {
    if (!record.isPlanned) await addJob(queue, record, 'plan')
    else if (needsFinish(record)) await addJob(queue, record, 'finish')
  }
  for (const owner of new Set(mine.map(({ about }) => about.owner))) await openNext(tending, owner, mine)
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
  { store, queue, model, scorer }: Tending,
  owner: string,
  records: readonly BatchRecord[],
) => {
  const places = await store.open(model, owner, scorer())
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
