import { predictDemo, toPlain } from '../../questions/demo-classifier.ts'
import { models } from '../../questions/models.ts'
import { askOne } from '../../questions/question.ts'
import type { SubmitKind } from '../submit-kind.ts'

/** The plain dialect, on the default model of the APIs. */
export const plainPredict: SubmitKind = {
  name: 'plain predict',
  weight: 8,
  run: async (turn) => {
    const features = turn.features()
    const question = askOne(models.demo.name, { input: { features }, output: predictDemo(features) })
    const entry = turn.open({ ...question, shownAs: toPlain(predictDemo(features)) })
    await turn.untilSettled(entry, () => turn.tryBare(entry, { path: '/predict' }))
  },
}
