import { setTimeout as sleep } from 'node:timers/promises'
import { isOutOfMemory } from '@onqueue/shared'
import type { Outcome } from '@onqueue/shared'
import type { Processing, TakenPrediction } from './taken-prediction.ts'

/** Between two tries to write an outcome into a Redis that is full. */
const roomPauseMs = 250

/** Writes the outcome, unless there is one. */
export const endPrediction = async (
  processing: Pick<Processing, 'outcomes' | 'onEnded' | 'log' | 'graceIsOver'>,
  taken: TakenPrediction,
  outcome: Outcome,
) => {
  const { onEnded, log } = processing
  const { id, prediction } = taken
  const written = await writeOutcome(processing, taken, outcome)
  if (written.won) onEnded(prediction, outcome)
  log.debug(
    { predictionId: id, requestId: prediction.requestId, status: written.outcome.status },
    'prediction ended',
  )
}

/** A Redis that is full takes no outcome. It is kept until the janitors have made room: the rows need not run again. */
const writeOutcome = async (
  { outcomes, graceIsOver }: Pick<Processing, 'outcomes' | 'graceIsOver'>,
  { id, prediction }: TakenPrediction,
  outcome: Outcome,
) => {
  for (;;) {
    try {
      return await outcomes.write(id, outcome, prediction)
    } catch (err) {
      if (!isOutOfMemory(err) || graceIsOver.aborted) throw err
    }
    await pauseForRoom(graceIsOver)
  }
}

export const pauseForRoom = (signal: AbortSignal) =>
  sleep(roomPauseMs, undefined, { signal }).catch(() => undefined)
