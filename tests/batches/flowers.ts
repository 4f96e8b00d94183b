import { seededRandom } from '../support/random.ts'

/** A word that is in every row, and so has no business anywhere but in the storage. */
export const marker = 'fritillaria'

const columns = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width']

/** Measurements of flowers as a table, with long names, so that few rows are a chunk. */
export const makeFlowers = (count: number, { nameBytes = 600, seed = 13 } = {}) => {
  const random = seededRandom(seed)
  const rows = Array.from({ length: count }, (_, index) => ({
    name: `${marker}-${index}-`.padEnd(nameBytes, 'x'),
    values: columns.map(() => Math.round(random() * 80) / 10),
  }))
  const lines = rows.map(({ name, values }) => `${name},${values.join(',')}\n`)
  return { rows, csv: `name,${columns.join(',')}\n${lines.join('')}` }
}
