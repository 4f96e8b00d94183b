import type { Batch } from '@onqueue/shared'
import { planBatchBlows, stages } from '../plan/plan-batch-blows.ts'
import { marker } from '../questions/flowers.ts'
import type { FlowerFile } from '../questions/write-flowers.ts'
import { BatchProgress } from '../stack/batch-progress.ts'
import { dealBlows } from '../stack/deal-blows.ts'
import type { Dealt } from '../stack/deal-blows.ts'
import type { StormStack } from '../stack/storm-stack.ts'
import { watchFor } from '../stack/watch-for.ts'
import type { Watch } from '../stack/watch-for.ts'
import { followBatch, submitBatch } from './batch-client.ts'
import type { ClientOptions } from './run-clients.ts'
import type { SubmitKind } from './submit-kind.ts'
import { trickle } from './trickle.ts'

export type StormedBatch = {
  id: string
  /** why its client had to send it again */
  refusals: string[]
  sightings: Batch[]
  watch: Watch
  dealt: Dealt[]
  /** blows that came too late for whom they were meant */
  missed: number
}

/** Of callers, beside the batch. */
const predictionEveryMs = 250

/** Has a file scored while blows fall on all who have to do with it, and callers have predictions made of the kinds. */
export const batchInStorm = async (
  stack: StormStack,
  {
    file,
    model,
    outputBytes,
    kinds,
    onDealt,
    ...clients
  }: ClientOptions & {
    file: FlowerFile
    model: string
    /** of what will come of the file */
    outputBytes: number
    kinds: readonly SubmitKind[]
    onDealt: (blow: Dealt) => void
  },
): Promise<StormedBatch> => {
  const { seed, urls, receiverUrls } = clients
  const blows = planBatchBlows({ seed, rows: file.rows })
  const isDone = new AbortController()
  const progress = new BatchProgress({ ...stack, model, inputBytes: file.bytes, outputBytes })
  const beside = [
    watchFor(stack, { word: marker, until: isDone.signal }),
    trickle(kinds, { ...clients, everyMs: predictionEveryMs, until: isDone.signal }),
  ] as const
  try {
    const dealing = stages.map((stage) =>
      dealBlows(stack, { blows: blows[stage], pace: progress.turnsOf(stage, blows[stage]), onDealt }),
    )
    const { id, refusals } = await submitBatch(urls, {
      model,
      path: file.path,
      key: `storm-${seed}-batch`,
      webhook: receiverUrls[0],
    })
    const sightings = await followBatch(urls, id)
    // a batch that stands still has no more moments for blows
    progress.close()
    const dealt = (await Promise.all(dealing)).flat().toSorted((a, b) => a.at - b.at)
    isDone.abort()
    const [watch] = await Promise.all(beside)
    const planned = Object.values(blows).flat().length
    return { id, refusals, sightings, watch, dealt, missed: planned - dealt.length }
  } finally {
    isDone.abort()
    progress.close()
  }
}
