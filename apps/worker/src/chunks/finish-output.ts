import { errorsPartName, footerName, headerName, needsFinish, outputPartName } from '@onqueue/shared'
import type { BatchRecord, DoneChunk, Segment, Storage } from '@onqueue/shared'
import type { ChunkProcessing } from './process-chunk.ts'
import { toFile } from './to-file.ts'
import type { ModelDefinition } from '../repository/model-definition.ts'

/** Chunks are looked up for so many at once. */
const maxAtOnce = 200

/**
 * What is left to do when all chunks of a batch are scored: looks whether their parts are there, and writes what the output ends with.
 * A part that somebody removed is no hole in the output: its chunk is scored again, and then all of it is looked at once more.
 */
export const finishOutput = async (
  { model, store, storage, executors, log }: ChunkProcessing,
  record: BatchRecord,
  definition: ModelDefinition,
  signal: AbortSignal,
) => {
  if (!needsFinish(record)) return
  const { id, about, headerBytes } = record
  const opened = await storage.open()
  const chunks = await readChunks(store, record)
  const lost = await findLost(opened, id, chunks)
  if (lost.length > 0) {
    log.warn(
      { model, batchId: id, chunks: lost.length },
      'parts of a batch are not in the storage any more, and their chunks are scored again',
    )
    await store.reopen(id, lost)
    return
  }
  const isHeaderLost = !(await isThere(opened, { name: headerName(id), bytes: headerBytes ?? 0 }))
  if (about.outputFormat !== 'parquet' && !isHeaderLost) return void (await store.noteFooter(id, 0))
  const footerBytes = await executors.finish({
    definition,
    file: toFile(record),
    parts: chunks.map(({ bytes }, chunk) => ({ name: outputPartName(id, chunk), bytes })),
    headerName: isHeaderLost ? headerName(id) : undefined,
    footerName: footerName(id),
    signal,
  })
  await store.noteFooter(id, footerBytes)
}

const readChunks = async (store: ChunkProcessing['store'], { id, counts }: BatchRecord) => {
  const chunks: DoneChunk[] = []
  while (chunks.length < counts.chunks) {
    const first = chunks.length
    const numbers = Array.from(
      { length: Math.min(maxAtOnce, counts.chunks - first) },
      (_, index) => first + index,
    )
    for (const chunk of await store.readDone(id, numbers)) {
      if (!chunk) throw new Error('redis has lost what became of a chunk')
      chunks.push(chunk)
    }
  }
  return chunks
}

/** Numbers of chunks of which a part is not there, or is cut off. */
const findLost = async (storage: Pick<Storage, 'size'>, id: string, chunks: readonly DoneChunk[]) => {
  const lost: number[] = []
  for (const [chunk, { bytes, errorBytes }] of chunks.entries()) {
    const areThere =
      (await isThere(storage, { name: outputPartName(id, chunk), bytes })) &&
      (await isThere(storage, { name: errorsPartName(id, chunk), bytes: errorBytes }))
    if (!areThere) lost.push(chunk)
  }
  return lost
}

/** Of what is empty there may be nothing. */
const isThere = async (storage: Pick<Storage, 'size'>, { name, bytes }: Segment) =>
  bytes === 0 || (await storage.size(name)) === bytes
