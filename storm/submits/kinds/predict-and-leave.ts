import { models } from '../../questions/models.ts'
import { askOne } from '../../questions/question.ts'
import type { SubmitKind } from '../submit-kind.ts'

const longestStayMs = 30

/** Asks for the output and leaves, which cancels the prediction where it comes in time. */
export const predictAndLeave: SubmitKind = {
  name: 'predict and leave',
  weight: 2,
  run: async (turn) => {
    const entry = turn.open(askOne(models.slow.name, turn.row(models.slow)))
    const path = `/v1/models/${models.slow.name}/predict`
    await turn.tryBare(entry, { path, timeoutMs: Math.ceil(longestStayMs * turn.random()) })
  },
}
