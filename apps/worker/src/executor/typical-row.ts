import type { ValueHints } from '../onnx-file/value-hints.ts'
import type { Task } from '../tasks/task.ts'
import { fill, normal, placesOf } from './sample-rows.ts'
import type { Random } from './sample-rows.ts'

/**
 * A row as a person would write it, since it may end up in the docs as the example: values that the file knows to be usual, words
 * that it knows, and short numbers. `length` elements along axes of any length.
 */
export const typicalRow = (
  task: Pick<Task, 'inputSchema' | 'placeOf'>,
  { random, hints, length }: { random: Random; hints: ValueHints; length: number },
): unknown => {
  const placeOf = placesOf(task)
  return fill(task.inputSchema, undefined, length, {
    text: (_, place) => {
      const { input } = placeOf(place)
      const words = hints.words.get(input) ?? ['text']
      return hints.sentences.has(input) ? toSentence(words) : (words[0] ?? '')
    },
    number: (_, place) => {
      const { input, column } = placeOf(place)
      const usual = hints.typical.get(input)?.[column]
      if (usual !== undefined) return Number(usual.toPrecision(3))
      const thresholds = hints.thresholds.get(column) ?? []
      // a half is more than nothing: of zeros an answer says little
      return thresholds.length > 0 ? besideMiddle(thresholds) : Number(normal(random).toFixed(1)) || 0.5
    },
    integer: (_, place) => {
      const known = hints.integers.get(placeOf(place).input) ?? []
      return middleOf(known) ?? place.index + 1
    },
    index: () => 0,
  })
}

/** Words that say something are rather long. */
const toSentence = (words: readonly string[]) => {
  const long = words.filter((word) => word.length > 3)
  return (long.length > 2 ? long : words).slice(0, 3).join(' ')
}

/** The shortest number between the threshold in the middle and the next one: on a threshold a row may go either way. */
const besideMiddle = (thresholds: readonly number[]) => {
  const middle = middleOf(thresholds) ?? 0
  const next = thresholds.find((one) => one > middle) ?? middle + Math.max(1, Math.abs(middle)) / 5
  for (let digits = 0; digits < 12; digits++) {
    const number = Number(((middle + next) / 2).toFixed(digits))
    if (number > middle && number < next) return number
  }
  return (middle + next) / 2
}

const middleOf = (values: readonly number[]) => values[Math.floor((values.length - 1) / 2)]
