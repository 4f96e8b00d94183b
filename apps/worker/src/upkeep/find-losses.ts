import {
  chunkQueueName,
  createKeyWalk,
  modelKeys,
  modelOfBatchId,
  modelOfPredictionId,
} from '@onqueue/shared'
import type { DatedStore, KeyWalk, Logger } from '@onqueue/shared'
import { releaseFiles } from './release-files.ts'
import { repairBatch } from './repair-batch.ts'
import { repairChunkJobs } from './repair-chunk-jobs.ts'
import { repairPredictions } from './repair-predictions.ts'
import { maxAtOnce } from './upkeep.ts'

/** What is left of a prediction without a record: nobody holds on to one for longer. */
const orphanTtlMs = 3_600_000

/**
 * Looks for predictions and batches of which Redis has lost a part, over all keys of models and files, a step at a call; where it finds some it
 * goes on at once, as there are likely to be more.
 */
export const createLossFinder = ({
  redis,
  namespace,
  clock,
  log,
  onRepaired,
  isClosed,
}: DatedStore & {
  log: Pick<Logger, 'error'>
  onRepaired: (kind: string) => void
  isClosed: () => boolean
}) => {
  const [repair, repairOne, repairJobs] = [
    repairPredictions.on(redis),
    repairBatch.on(redis),
    repairChunkJobs.on(redis),
  ]
  const walk: KeyWalk = createKeyWalk({ redis, namespace }, ':{')

  const repairSome = async (model: string, ids: string[]) => {
    const { queue, outcome, input, pack, index, deadlines } = modelKeys(namespace, model)
    const repaired = await repair.run({
      keys: {
        wait: queue('wait'),
        active: queue('active'),
        prioritized: queue('prioritized'),
        delayed: queue('delayed'),
        completed: queue('completed'),
        failed: queue('failed'),
        deadlines,
        counter: queue('pc'),
        marker: queue('marker'),
      },
      args: {
        now: clock(),
        jobOf: queue(''),
        outcomeOf: outcome(''),
        inputOf: input(''),
        packOf: pack(''),
        indexOf: index(''),
        orphanTtlMs,
      },
      moreArgs: ids,
    })
    for (const kind of repaired) onRepaired(kind)
    if (repaired.length > 0)
      log.error({ model, repaired: countEach(repaired) }, 'redis had lost parts of predictions: put right')
    return repaired.length
  }

  const repairBatches = async (model: string, ids: string[]) => {
    const keys = modelKeys(namespace, model)
    let count = 0
    for (const id of ids) {
      const repaired = await repairOne.run({
        keys: {
          batch: keys.batch(id),
          chunks: keys.batchChunks(id),
          done: keys.batchDone(id),
          active: keys.activeBatches,
          ended: keys.endedBatches,
        },
        args: { id, now: clock(), indexStart: keys.batchIndex('') },
      })
      for (const kind of repaired) onRepaired(kind)
      if (repaired.length > 0)
        log.error({ model, batchId: id, repaired }, 'redis had lost parts of a batch: put right')
      count += repaired.length
    }
    return count
  }

  const repairChunks = async (model: string, ids: string[]) => {
    if (ids.length === 0) return 0
    const part = (name: string) => modelKeys(namespace, model).queue(name, chunkQueueName)
    const removed = await repairJobs.run({
      keys: {
        wait: part('wait'),
        active: part('active'),
        prioritized: part('prioritized'),
        delayed: part('delayed'),
      },
      args: { jobOf: part('') },
      moreArgs: ids,
    })
    for (let count = 0; count < removed; count++) onRepaired('chunk-job')
    if (removed > 0) log.error({ model, removed }, 'redis had lost where chunks of batches wait: added anew')
    return removed
  }

  const letGo = async (keys: readonly string[]) => {
    const released = await releaseFiles({ redis, namespace }, keys)
    for (let count = 0; count < released; count++) onRepaired('file-use')
    if (released > 0) log.error({ released }, 'redis had lost batches: let go of their files')
    return released
  }

  /** Resolves to how much was repaired. */
  const step = async (models: readonly string[]) => {
    const { keys, isRoundOver } = await walk.next()
    let repaired = await letGo(keys)
    for (const [model, its] of Map.groupBy(keys, tagOf)) {
      const ids = models.includes(model) ? idsIn(its, namespace, model) : []
      for (let from = 0; from < ids.length && !isClosed(); from += maxAtOnce)
        repaired += await repairSome(model, ids.slice(from, from + maxAtOnce))
      if (!models.includes(model)) continue
      repaired += await repairBatches(model, batchesIn(its, namespace, model))
      repaired += await repairChunks(model, chunkJobsIn(its, namespace, model))
    }
    return { repaired, isRoundOver }
  }

  return async (models: readonly string[]) => {
    for (let hasFound = false; !isClosed();) {
      const { repaired, isRoundOver } = await step(models)
      hasFound ||= repaired > 0
      if (!hasFound || isRoundOver) return
    }
  }
}

/** The model that a key is of, by its hash tag. */
const tagOf = (key: string) => /\{([^}]*)\}/.exec(key)?.[1] ?? ''

/** The predictions and packs of the model that the keys belong to. */
const idsIn = (keys: string[], namespace: string, model: string) => {
  const { queue, outcome, input, pack } = modelKeys(namespace, model)
  const starts = [queue(''), outcome(''), input(''), pack('')]
  const ids = keys.flatMap((key) =>
    starts.filter((start) => key.startsWith(start)).map((start) => key.slice(start.length)),
  )
  return [...new Set(ids)].filter((id) => modelOfPredictionId(id) === model)
}

/** The batches of the model that the keys belong to. */
const batchesIn = (keys: string[], namespace: string, model: string) => {
  const start = modelKeys(namespace, model).batch('')
  const ids = keys
    .filter((key) => key.startsWith(start))
    .map((key) => key.slice(start.length).split(':')[0] ?? '')
  return [...new Set(ids)].filter((id) => modelOfBatchId(id) === model)
}

/** The jobs of the model's chunks that the keys are, or belong to. */
const chunkJobsIn = (keys: string[], namespace: string, model: string) => {
  const start = modelKeys(namespace, model).queue('batch-', chunkQueueName)
  const beginning = start.length - 'batch-'.length
  return keys
    .filter((key) => key.startsWith(start) && !key.includes(':', start.length))
    .map((key) => key.slice(beginning))
}

const countEach = (words: string[]) =>
  Object.fromEntries([...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length]))
