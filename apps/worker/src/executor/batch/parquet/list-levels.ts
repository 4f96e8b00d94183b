import type { SchemaElement } from 'hyparquet'

/** How often a column repeats and is defined, at most, and for each list within it at which levels it is there and has elements. */
export type Levels = {
  maxRepetition: number
  maxDefinition: number
  lists: { present: number; filled: number }[]
}

/** The levels of a column: `path` leads to its values, and begins below the root. */
export const levelsOf = (path: readonly SchemaElement[]): Levels => {
  const lists: Levels['lists'] = []
  let definition = 0
  for (const { repetition_type: repetition } of path) {
    if (repetition === 'REPEATED') lists.push({ present: definition, filled: definition + 1 })
    if (repetition !== 'REQUIRED') definition += 1
  }
  return { maxRepetition: lists.length, maxDefinition: definition, lists }
}

/**
 * Makes lists, nested or not, of values and their levels, which may go on from page to page: `rows` has all of them, the last
 * of which may get more elements.
 */
export class ListAssembler {
  readonly #levels: Levels
  readonly rows: unknown[] = []
  /** the list that is filled at each depth; the first is that of the rows */
  readonly #open: unknown[][] = [this.rows]

  constructor(levels: Levels) {
    this.#levels = levels
  }

  /** Takes the next slot; `value` is called where it has one. */
  add(repetition: number, definition: number, value: () => unknown) {
    const { lists, maxDefinition } = this.#levels
    let depth = repetition
    let into = this.#open[depth]
    if (!into) throw new RangeError('a list goes on that has not begun')
    for (; depth < lists.length; depth++) {
      const { present = 0, filled = 0 } = lists[depth] ?? {}
      if (definition < present) {
        into.push(null)
        return
      }
      const list: unknown[] = []
      into.push(list)
      this.#open[depth + 1] = list
      this.#open.length = depth + 2
      if (definition < filled) return
      into = list
    }
    into.push(definition === maxDefinition ? value() : null)
  }
}
