import { busyRow, models } from '../../questions/models.ts'
import { askOne } from '../../questions/question.ts'
import type { SubmitKind } from '../submit-kind.ts'

const longestRunMs = 150

/** Canceled right after it was accepted: while it waits, while it runs, or too late. */
export const canceled: SubmitKind = {
  name: 'canceled',
  weight: 4,
  run: async (turn) => {
    const isBusy = turn.random() < 0.3
    const entry = turn.open(
      isBusy
        ? askOne(models.slow.name, busyRow(Math.ceil(longestRunMs * turn.random())))
        : turn.quickQuestion(),
    )
    const id = await turn.submit(entry)
    if (id !== null) await turn.cancel(entry, id)
  },
}
