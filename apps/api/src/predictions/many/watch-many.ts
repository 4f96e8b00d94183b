import { areFinal, levelOf, modelOfPredictionId } from '@onqueue/shared'
import type { DatedStore, Logger } from '@onqueue/shared'
import type { ModelCatalog } from '../../models/model-catalog.ts'
import type { PredictionReader } from '../read-prediction.ts'
import type { OutcomeWaiters } from '../wait-for-outcome.ts'
import type { Wait } from '../watch-prediction.ts'
import { AwaitedGroup } from './awaited-group.ts'
import { inChunks } from './in-chunks.ts'

/**
 * Waits until all, or any, of the predictions that there are and that are the owner's are final; or until `waitMs` is over,
 * `signal` aborts or the process closes. One that is gone meanwhile is waited for no more. While Redis is away it waits on.
 *
 * Final ones are told from others without reading them, and of the others nothing is kept but their ids and deadlines.
 */
export type WatchMany = (
  ids: readonly string[],
  options: { owner: string; until: 'all' | 'any' } & Pick<Wait, 'waitMs' | 'signal'>,
) => Promise<void>

/** Predictions of which it is asked at once whether they are final. */
const maxAskedAtOnce = 500

type Options = DatedStore & {
  catalog: Pick<ModelCatalog, 'get'>
  reader: Pick<PredictionReader, 'find'>
  waiters: Pick<OutcomeWaiters, 'listen' | 'isClosed'>
  log: Logger
}

export const createWatchMany = (options: Options): WatchMany => {
  const { redis, namespace, clock, catalog, reader, waiters, log } = options

  /** In no order, and each once. What can be no prediction is neither. */
  const tellApart = async (ids: readonly string[]) => {
    const [final, others]: [string[], string[]] = [[], []]
    for (const [model, ofModel] of Map.groupBy(new Set(ids), modelOfPredictionId)) {
      if (model === undefined || !catalog.get(model)) continue
      for (const chunk of inChunks(ofModel, maxAskedAtOnce)) {
        const isFinal = await areFinal({ redis, namespace }, model, chunk)
        for (const [index, id] of chunk.entries()) (isFinal[index] ? final : others).push(id)
      }
    }
    return { final, others }
  }
  const isAnyThere = async (ids: readonly string[], owner: string) => {
    for (const chunk of inChunks(ids)) {
      const records = await Promise.all(chunk.map((id) => reader.find(id, owner)))
      if (records.some((record) => record !== null)) return true
    }
    return false
  }
  const gather = async (group: AwaitedGroup, ids: readonly string[], owner: string) => {
    for (const chunk of inChunks(ids)) {
      for (const record of await Promise.all(chunk.map((id) => reader.find(id, owner)))) {
        if (record?.outcome) group.settle(record.id)
        else if (record) group.add(record.id, record.job.deadline)
      }
      if (group.isEnough()) return
    }
    // what ended while the others were read
    const { final } = await tellApart(group.ids)
    for (const id of final) group.settle(id)
  }
  const lookAgain = async (group: AwaitedGroup, owner: string) => {
    const look = async (id: string) => {
      try {
        const record = await reader.find(id, owner)
        if (record?.outcome) group.settle(id)
        else if (!record) group.drop(id)
      } catch (err) {
        log[levelOf(err)]({ err, predictionId: id }, 'prediction could not be read again')
      }
    }
    for (const chunk of inChunks(group.takeDoubtful(clock()))) await Promise.all(chunk.map(look))
  }

  return async (ids, { owner, until, waitMs, signal }) => {
    const endsAt = performance.now() + waitMs
    const group = new AwaitedGroup(until, (id, listener) => waiters.listen(id, listener))
    const remainingMs = () => (signal?.aborted || waiters.isClosed() ? 0 : endsAt - performance.now())
    if (remainingMs() <= 0) return
    try {
      const { final, others } = await tellApart(ids)
      if (until === 'any' && (await isAnyThere(final, owner))) return
      await gather(group, others, owner)
      while (!group.isDone() && remainingMs() > 0) {
        await group.untilNews({ waitMs: remainingMs(), signal, now: clock() })
        await lookAgain(group, owner)
      }
    } finally {
      group.release()
    }
  }
}
