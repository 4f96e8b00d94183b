import { models } from '../../questions/models.ts'
import { askOne } from '../../questions/question.ts'
import type { SubmitKind } from '../submit-kind.ts'

const asked = [models.echo, models.sums, models.demo]

/** Posts a bare input and waits for the bare output. */
export const predict: SubmitKind = {
  name: 'predict',
  weight: 12,
  run: async (turn) => {
    const model = turn.pick(asked)
    const entry = turn.open(askOne(model.name, turn.row(model)))
    const path = `/v1/models/${model.name}/predict`
    await turn.untilSettled(entry, () => turn.tryBare(entry, { path }))
  },
}
