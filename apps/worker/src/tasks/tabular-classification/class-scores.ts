import type { OutputSetting } from '../tabular/tabular-settings.ts'
import { shortestFloat32 } from '../../tensors/shortest-float.ts'
import type { ElementType } from '../../tensors/tensor.ts'

/** Makes what is given to callers of the scores of a row, or a string that says what is wrong with them. */
export type ReadScores = (read: (column: number) => number) => number[] | string

/** Scores that are no probabilities, such as distances, as they are. */
export const createRawScoreReader =
  ({ columns, type }: { columns: number; type: ElementType }): ReadScores =>
  (read) => {
    const scores = Array.from({ length: columns }, (_, column) => read(column))
    return scores.every(Number.isFinite) ? scores.map(roundFor(type)) : 'a score is not a finite number'
  }

/** Whether all scores are from 0 to 1, as those of probabilities are. */
export const areProbabilities = (scores: Iterable<unknown>) => {
  for (const score of scores) {
    const value = Number(score)
    if (value < -tolerance || value > 1 + tolerance) return false
  }
  return true
}

/** Probabilities of the classes from a row of scores. One column is the score of the second of two classes. */
export const createScoreReader = (options: {
  columns: number
  activation: OutputSetting['activation']
  type: ElementType
}): ReadScores => {
  const { columns, activation, type } = options
  const round = roundFor(type)
  return (read) => {
    const scores: number[] = []
    for (let column = 0; column < columns; column++) {
      const score = read(column)
      if (!Number.isFinite(score)) return 'a score is not a finite number'
      scores.push(score)
    }
    const probabilities = activate(scores, activation)
    if (columns > 1) return probabilities.map(round)
    const [second = 0] = probabilities
    // a single score is only good for the other class too if it is a probability
    if (second < -tolerance || second > 1 + tolerance) {
      return 'its score is not a probability; set output.activation'
    }
    return [round(1 - second), round(second)]
  }
}

const tolerance = 1e-5

const roundFor = (type: ElementType) => (type === 'float64' ? (value: number) => value : toFloat32)

const toFloat32 = (value: number) => shortestFloat32(Math.fround(value))

/** The softmax of a single score against zero is its sigmoid. */
const activate = (scores: number[], activation: OutputSetting['activation']) => {
  if (activation === 'none') return scores
  return activation === 'softmax' && scores.length > 1 ? softmax(scores) : scores.map(sigmoid)
}

const sigmoid = (score: number) => 1 / (1 + Math.exp(-score))

/** Less the largest, so that no exponential overflows. */
const softmax = (scores: number[]) => {
  const largest = Math.max(...scores)
  const powers = scores.map((score) => Math.exp(score - largest))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}

/** The first of the largest. */
export const argmax = (values: number[]) => {
  let best = 0
  for (const [index, value] of values.entries()) if (value > (values[best] ?? -Infinity)) best = index
  return best
}
