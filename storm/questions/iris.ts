import { scoreDirectly } from '../../tests/batches/score-directly.ts'
import { flowerAt } from './flowers.ts'
import type { StormModel } from './models.ts'
import type { Row } from './question.ts'

const names = ['setosa', 'versicolor', 'virginica']
/** Its callers ask for so many different rows. */
const flowers = 2000

/** Whose files are scored. */
export const batchModel = 'iris'

/** That model, with rows for callers. */
export const openIris = async (seed: number): Promise<StormModel> => {
  // the rows of a file of their own, so that nobody looks for them in Redis
  const inputs = Array.from({ length: flowers }, (_, index) => flowerAt(seed + 1, index)).flatMap(
    ({ values }) => (values === null ? [] : [values]),
  )
  const direct = await scoreDirectly(inputs.map((values) => ({ values })))
  const rows = inputs.map((features, index): Row => {
    const { prediction, probabilities = [] } = direct[index] ?? {}
    const byName = Object.fromEntries(names.map((name, place) => [name, probabilities[place]]))
    return { input: { features }, output: { prediction, probabilities: byName } }
  })
  return {
    name: batchModel,
    folder: `models/${batchModel}`,
    row: (_, random) => rows[Math.floor(random() * rows.length)] ?? { input: null, output: null },
  }
}
