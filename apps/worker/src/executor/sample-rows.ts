import type { JsonSchema } from '@onqueue/shared'
import { isObject } from '@onqueue/shared/rows'
import { noHints } from '../onnx-file/value-hints.ts'
import type { ValueHints } from '../onnx-file/value-hints.ts'
import type { Task } from '../tasks/task.ts'

// Rows to warm a model up with, made from its input schema: the example, rows close to it and rows of several magnitudes, all of
// one shape so that they can run together.

export type Random = () => number

/** How a number, a text or a choice is made; `near` is what stands there in the row that is varied. */
type Scalars = {
  text(near: string | undefined, place: Place): string
  number(near: number | undefined, place: Place): number
  integer(near: number | undefined, place: Place): number
  index(length: number): number
}

/** The property that a value is in, and its number in the innermost array: of one in `[[…], …]` the number of its column. */
type Place = { name: string; index: number }

/** The input of the model, and the column of it, that a place in a row is. */
export const placesOf =
  ({ placeOf = byName }: Pick<Task, 'placeOf'>) =>
  ({ name, index }: Place) =>
    placeOf(name, index) ?? { input: '', column: index }

const nowhere: Place = { name: '', index: 0 }

/** A row of its own: numbers of about `magnitude`, `length` elements along axes of any length. */
export const generateRow = (
  task: Pick<Task, 'inputSchema' | 'placeOf'>,
  options: {
    random: Random
    hints?: ValueHints
    magnitude?: number | 'any'
    length?: number
    like?: unknown
  },
): unknown => {
  const { random, hints = noHints, magnitude = 1, length = 3, like } = options
  // features of one model may be hundredths and thousands
  const scale = () => (magnitude === 'any' ? 10 ** (random() * 6 - 3) : magnitude)
  const placeOf = placesOf(task)
  const wordsAt = (place: Place) => hints.words.get(placeOf(place).input) ?? anyWords
  return fill(task.inputSchema, like, length, {
    // that of the example is likely to be one that the model takes
    text: (near, place) => pick([...wordsAt(place), ...(near === undefined ? [] : [near])], random),
    number: (_, place) => {
      const thresholds = hints.thresholds.get(placeOf(place).column) ?? []
      // around where the model parts, as likely on one side of it as on the other
      const near = thresholds.length > 0 && random() < 0.8 ? pick(thresholds, random) : undefined
      return roundTo3(near === undefined ? normal(random) * scale() : near * (1 + normal(random) / 20))
    },
    integer: (_, place) => {
      const known = hints.integers.get(placeOf(place).input) ?? []
      // one that is a size must not become gigabytes
      return known.length > 0 ? pick(known, random) : Math.floor(random() * (Math.min(scale(), 100) + 1))
    },
    index: (count) => Math.floor(random() * count),
  })
}

const byName = (input: string, column: number) => ({ input, column })

/** The same row with every number and choice a little different, and every text as it is. */
export const varyRow = (schema: JsonSchema, row: unknown, random: Random): unknown =>
  fill(schema, row, 1, {
    text: (near) => near ?? pick(anyWords, random),
    number: (near = 0) => roundTo3(near * (1 + normal(random) / 5) + normal(random) / 20),
    integer: (near = 0) => near + Math.floor(random() * 5) - 2,
    index: (count) => Math.floor(random() * count),
  })

const anyWords = ['a', 'b', 'c']

const pick = <Item>(items: readonly Item[], random: Random): Item => {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new Error('unreachable: there are some to pick from')
  return item
}

export const fill = (
  schema: unknown,
  like: unknown,
  length: number,
  scalars: Scalars,
  place = nowhere,
): unknown => {
  if (!isObject(schema)) return null
  const alternatives = schema['anyOf']
  const values = schema['enum']
  if (Array.isArray(values)) return values[scalars.index(values.length)]
  if (Array.isArray(alternatives)) {
    const alike = alternatives.find((one) => isOfType(like, one)) ?? alternatives[0]
    return fill(alike, like, length, scalars, place)
  }
  switch (schema['type']) {
    case 'object':
      return fillObject(schema, like, length, scalars)
    case 'array':
      return fillArray(schema, like, length, scalars, place)
    case 'number':
      return clamp(scalars.number(toNumber(like), place), schema)
    case 'integer':
      return Math.round(clamp(scalars.integer(toNumber(like), place), schema))
    case 'boolean':
      return scalars.index(2) === 1
    case 'string':
      return scalars.text(typeof like === 'string' ? like : undefined, place)
    default:
      return null
  }
}

const fillObject = (schema: Record<string, unknown>, like: unknown, length: number, scalars: Scalars) => {
  const properties = isObject(schema['properties']) ? schema['properties'] : {}
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [
      name,
      fill(property, isObject(like) ? like[name] : undefined, length, scalars, { name, index: 0 }),
    ]),
  )
}

const fillArray = (
  schema: Record<string, unknown>,
  like: unknown,
  length: number,
  scalars: Scalars,
  { name }: Place,
): unknown[] => {
  const { prefixItems, items, minItems, maxItems } = schema
  const elements: unknown[] = Array.isArray(like) ? like : []
  if (Array.isArray(prefixItems)) {
    return prefixItems.map((item, index) => fill(item, elements[index], length, scalars, { name, index }))
  }
  const count = minItems === maxItems ? Number(minItems) : elements.length || length
  return Array.from({ length: count }, (_, index) =>
    fill(items, elements[index], length, scalars, { name, index }),
  )
}

const isOfType = (value: unknown, schema: unknown) => {
  const type = isObject(schema) ? schema['type'] : undefined
  if (Array.isArray(value)) return type === 'array'
  if (value === null) return type === 'null'
  return type === typeof value || (type === 'integer' && Number.isInteger(value))
}

const toNumber = (value: unknown) => (typeof value === 'number' ? value : undefined)

const clamp = (value: number, { minimum, maximum }: Record<string, unknown>) =>
  Math.min(
    Math.max(value, typeof minimum === 'number' ? minimum : -Infinity),
    typeof maximum === 'number' ? maximum : Infinity,
  )

/** Few digits: the row may end up in the docs as the example. */
const roundTo3 = (value: number) => Number(value.toPrecision(3))

/** Standard normal, by Box and Muller. */
export const normal = (random: Random) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

/** mulberry32: the same rows at every start, so that what a warm-up finds can be found again. */
export const seededRandom = (seed: number): Random => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
