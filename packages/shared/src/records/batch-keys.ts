import { modelOfBatchId } from '../contract/batch-record.ts'
import { modelKeys } from '../redis/names.ts'

/** The keys of a batch, and `keys` of its model. Throws where the id is none of a batch. */
export const batchKeys = (namespace: string, id: string) => {
  const model = modelOfBatchId(id)
  if (model === undefined) throw new Error(`not a batch id: ${id}`)
  const keys = modelKeys(namespace, model)
  return { keys, batch: keys.batch(id), chunks: keys.batchChunks(id), done: keys.batchDone(id) }
}
