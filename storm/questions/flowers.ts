import { seededRandom } from '../../tests/support/random.ts'

/** A word that is in every row, and so has no business anywhere but in the storage. */
export const marker = 'fritillaria'

/** A row of a file: its bytes without the line break, and what is to come of it. */
export type Flower = {
  /** what the output shows as `id`; undefined where it can't be read */
  name: string | undefined
  text: Buffer
  /** null of a row that is bad */
  values: number[] | null
}

/** Of columns; `notes` is one that no model knows. */
export const flowerHeader = 'name,sepal_length,sepal_width,petal_length,petal_width,notes'
/** One row in so many is bad, in one of the ways below. */
const oneBadIn = 10_007
const firstBad = 5000
/** One note in so many goes over two lines. */
const oneTwoLinedIn = 1009
/** Of a note: few rows are a chunk then, and there are many moments between chunks. */
const noteBytes = 60
/** Rows that are longer are not read. */
const maxRowBytes = 1_048_576

/** Row `index` of the file of a seed: each follows from these two alone. */
export const flowerAt = (seed: number, index: number): Flower => {
  const random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b))
  const values = Array.from({ length: 4 }, () => Math.round(random() * 80) / 10)
  const name = `${marker}-${index}`
  const note = `${marker} `.padEnd(noteBytes, 'x')
  if (index % oneBadIn === firstBad) return badFlower(Math.floor(index / oneBadIn), { name, values, note })
  const notes = index % oneTwoLinedIn === 0 ? `"${marker}\n, ""two lines"""` : note
  return { name, values, text: Buffer.from([name, ...values, notes].join()) }
}

type Parts = { name: string; values: number[]; note: string }

const badFlower = (ordinal: number, parts: Parts): Flower => {
  const way = waysToBeBad[ordinal % waysToBeBad.length] ?? wordForNumber
  return { values: null, ...way(parts) }
}

type Bad = Pick<Flower, 'name' | 'text'>

const wordForNumber = ({ name, values: [first, , ...others], note }: Parts): Bad => ({
  name,
  text: Buffer.from([name, first, 'wide', ...others, note].join()),
})
const noNumber = ({ name, values, note }: Parts): Bad => ({
  name,
  text: Buffer.from([name, ...values.slice(0, 3), '', note].join()),
})
const tooFewColumns = ({ name, values }: Parts): Bad => ({
  name,
  text: Buffer.from([name, ...values.slice(0, 2)].join()),
})
const tooManyColumns = ({ name, values, note }: Parts): Bad => ({
  name,
  text: Buffer.from([name, ...values, note, marker].join()),
})
const noUtf8 = ({ name, values, note }: Parts): Bad => ({
  name: undefined,
  text: Buffer.concat([Buffer.from([name, ...values, note].join()), Buffer.from([0xff, 0xfe])]),
})
const textBehindQuote = ({ name, values, note }: Parts): Bad => ({
  name,
  text: Buffer.from([name, ...values, `"${note}"${marker}`].join()),
})
const tooLong = ({ name, values }: Parts): Bad => ({
  name: undefined,
  text: Buffer.from([name, ...values, marker.padEnd(maxRowBytes, 'x')].join()),
})

const waysToBeBad = [wordForNumber, noNumber, tooFewColumns, tooManyColumns, noUtf8, textBehindQuote, tooLong]
