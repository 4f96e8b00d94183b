import { AppError } from '@onqueue/shared'
import type { PredictionRecord } from '@onqueue/shared'
import type { CancelPrediction } from '../cancel-prediction.ts'
import type { FoundPrediction, PredictionReader } from '../read-prediction.ts'
import { inChunks } from './in-chunks.ts'
import { keepIncluded, nothingLong } from './keep-included.ts'
import { PageRoom } from './page-room.ts'

/**
 * Cancels predictions of an owner, in order and a few at a time: the outcomes of those are written in one step, and other
 * requests have their turn in between. Where one can't be canceled it throws, and nothing behind it is touched.
 *
 * They come without what is long of them. That may be the errors of rows, too, of those that had failed: when they are more than
 * a page has room for, those that come then are without.
 */
export type CancelMany = (
  ids: readonly string[],
  options: {
    owner: string
    /** Is told of bytes of metadata and errors that are held now, too. Where it throws, nothing more is canceled. */
    onLong: (bytes: number) => void
  },
) => Promise<FoundPrediction[]>

export const createCancelMany = ({
  reader,
  cancel,
}: {
  reader: Pick<PredictionReader, 'readEach'>
  cancel: CancelPrediction
}): CancelMany => {
  const cancelOne = async (one: FoundPrediction) =>
    one instanceof AppError ? one : keepIncluded(await cancel(one), nothingLong)

  return async (ids, { owner, onLong }) => {
    const found: FoundPrediction[] = []
    const room = new PageRoom()
    for (const chunk of inChunks(ids)) {
      const bytesBefore = room.bytes
      const canceled = await Promise.all((await reader.readEach(chunk, owner)).map(cancelOne))
      found.push(
        ...canceled.map((one) => (one instanceof AppError || room.take(one) ? one : withoutRows(one))),
      )
      onLong(room.bytes - bytesBefore)
    }
    return found
  }
}

const withoutRows = (record: PredictionRecord): PredictionRecord => {
  if (!record.outcome?.error) return record
  const { rows: _rows, ...error } = record.outcome.error
  return { ...record, outcome: { ...record.outcome, error } }
}
