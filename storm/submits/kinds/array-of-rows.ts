import { badRow, models, quickModels } from '../../questions/models.ts'
import { askMany } from '../../questions/question.ts'
import { ownRows } from '../turn.ts'
import type { SubmitKind } from '../submit-kind.ts'

const badShare = 0.1

/** Many rows as one prediction; those of one model fail here and there. */
export const arrayOfRows: SubmitKind = {
  name: 'array of rows',
  weight: 8,
  run: async (turn) => {
    const model = turn.pick([...quickModels, models.throws])
    const count = 1 + Math.floor(turn.random() * ownRows)
    const rows = Array.from({ length: count }, (_, index) =>
      model === models.throws && turn.random() < badShare ? badRow : turn.row(model, index),
    )
    await turn.submit(turn.open(askMany(model.name, rows)))
  },
}
