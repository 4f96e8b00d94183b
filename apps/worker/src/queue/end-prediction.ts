import { outlastRefusals } from '@onqueue/shared'
import type { Outcome } from '@onqueue/shared'
import type { Processing, TakenPrediction } from './taken-job.ts'

/** Writes the outcome, unless there is one. */
export const endPrediction = async (
  processing: Pick<Processing, 'outcomes' | 'onEnded' | 'log' | 'graceIsOver'>,
  taken: TakenPrediction,
  outcome: Outcome,
) => {
  const { outcomes, onEnded, log, graceIsOver } = processing
  const { id, prediction } = taken
  // a Redis that is full, say, takes no outcome: it is kept until it does, so that the rows need not run again
  const written = await outlastRefusals(() => outcomes.write(id, outcome, prediction), graceIsOver)
  if (written.won) onEnded(prediction, outcome)
  log.debug(
    { predictionId: id, requestId: prediction.requestId, status: written.outcome.status },
    'prediction ended',
  )
}
