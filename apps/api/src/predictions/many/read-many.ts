import { AppError } from '@onqueue/shared'
import type { FoundPrediction, PredictionReader } from '../read-prediction.ts'
import { inChunks } from './in-chunks.ts'
import { keepIncluded } from './keep-included.ts'
import type { Included } from './keep-included.ts'
import { PageRoom } from './page-room.ts'

/**
 * Reads predictions of an owner by their ids, in the order of these and as far as a page has room; the ids that are `left`
 * may be asked for next. They are read a few at a time, and no more of them than that is held beside the page.
 */
export type ReadMany = (
  ids: readonly string[],
  options: { owner: string; include: Included },
) => Promise<{ found: FoundPrediction[]; left: string[] }>

export const createReadMany =
  ({ reader }: { reader: Pick<PredictionReader, 'readEach'> }): ReadMany =>
  async (ids, { owner, include }) => {
    const found: FoundPrediction[] = []
    const room = new PageRoom()
    for (const chunk of inChunks(ids)) {
      for (const one of await reader.readEach(chunk, owner)) {
        const kept = one instanceof AppError ? one : keepIncluded(one, include)
        if (!(kept instanceof AppError) && !room.take(kept)) return { found, left: ids.slice(found.length) }
        found.push(kept)
      }
    }
    return { found, left: [] }
  }
