import { predictDemo } from '../../questions/demo-classifier.ts'
import { models } from '../../questions/models.ts'
import { askMany } from '../../questions/question.ts'
import type { Row } from '../../questions/question.ts'
import type { SubmitKind } from '../submit-kind.ts'

/** Some 100 bytes each: more than the 64 KiB up to which an input is part of its job. */
const leastRows = 700
const moreRows = 300

/** An input that is kept beside its job; every other one is under a key. */
export const largeInput: SubmitKind = {
  name: 'large input',
  weight: 1,
  run: async (turn) => {
    const count = leastRows + Math.floor(turn.random() * moreRows)
    const rows = Array.from({ length: count }, (): Row => {
      const features = turn.features()
      const named = Object.fromEntries(features.map((value, index) => [`feature_${index}`, value]))
      return { input: { features: named }, output: predictDemo(features) }
    })
    await turn.submit(turn.open(askMany(models.demo.name, rows), { isKeyed: turn.random() < 0.5 }))
  },
}
