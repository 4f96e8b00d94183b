import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { answersSchema } from './read-answers.ts'
import { owners } from './record-stack.ts'
import type { Origins } from './record-stack.ts'
import { listingSchema } from './redis-listing.ts'

/**
 * A fixture: what a release left in Redis, and what it said of it. Two files, an entry a line, so that they can be read.
 *
 * - The prefix and the origins of receivers are written as `<prefix>`, `<up>`, `<down>` and `<paused>`; who reads them
 *   gives their own.
 * - What is many times the same in a row, as the rows of a large input, is written once with how often.
 * - Times stay as they are, but for those that were still to come: they are as far ahead of whoever reads them as they
 *   were then. A deadline of twenty days is not over after a year.
 */
const redisFileSchema = z.object({
  madeAt: z.int(),
  /** of the release */
  commit: z.string(),
  keys: listingSchema,
  shortLived: listingSchema,
  messages: z.array(z.object({ channel: z.string(), message: z.string() })),
})
const submittedSchema = z.object({
  owner: z.enum(owners),
  model: z.string(),
  id: z.string(),
  body: z.record(z.string(), z.unknown()),
  headers: z.record(z.string(), z.string()),
})
const answersFileSchema = z.object({
  submitted: z.record(z.string(), submittedSchema),
  ...answersSchema.shape,
})

const recordsSchema = z.object({ redis: redisFileSchema, answers: answersFileSchema })
export type Records = z.infer<typeof recordsSchema>

type Places = Origins & { prefix: string }

export const writeRecords = async (folder: string, { redis, answers }: Records, places: Places) => {
  await writeFile(join(folder, 'redis.json'), withMarks(toLines(fold(redis)), places))
  await writeFile(join(folder, 'answers.json'), withMarks(toLines(fold(answers)), places))
}

/** `now` in ms. */
export const readRecords = async (folder: string, places: Places, now = Date.now()): Promise<Records> => {
  const [redisText, answersText] = await Promise.all(
    ['redis.json', 'answers.json'].map((name) => readFile(join(folder, name), 'utf8')),
  )
  const { madeAt } = redisFileSchema.parse(JSON.parse(redisText ?? ''))
  const read = (text = ''): unknown =>
    JSON.parse(moveAhead(withPlaces(JSON.stringify(unfold(JSON.parse(text))), places), { madeAt, now }))
  return recordsSchema.parse({ redis: read(redisText), answers: read(answersText) })
}

const withMarks = (text: string, places: Places) =>
  Object.entries(places).reduce((marked, [name, place]) => marked.replaceAll(place, `<${name}>`), text)

const withPlaces = (text: string, places: Places) =>
  Object.entries(places).reduce((filled, [name, place]) => filled.replaceAll(`<${name}>`, place), text)

/** The longest deadline is 30 days. What is later than that, such as when a prediction expires, is no plan. */
const aheadMs = 31 * 24 * 3_600_000

const moveAhead = (text: string, { madeAt, now }: { madeAt: number; now: number }) => {
  const move = (ms: number) => (ms > madeAt && ms < madeAt + aheadMs ? ms - madeAt + now : ms)
  return text
    .replace(/\b\d{13}\b/g, (ms) => String(move(Number(ms))))
    .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, (iso) =>
      new Date(move(Date.parse(iso))).toISOString(),
    )
}

/** A line for each entry of what is in the sections of a file. */
const toLines = (file: unknown) => {
  const sections = Object.entries(z.record(z.string(), z.unknown()).parse(file))
  const lines = sections.map(([name, section]) => {
    if (typeof section !== 'object' || section === null)
      return `${JSON.stringify(name)}: ${JSON.stringify(section)}`
    if (Array.isArray(section)) {
      return `${JSON.stringify(name)}: [\n${section.map((one) => JSON.stringify(one)).join(',\n')}\n]`
    }
    const entries = Object.entries(section).map(
      ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`,
    )
    return `${JSON.stringify(name)}: {\n${entries.join(',\n')}\n}`
  })
  return `{\n${lines.join(',\n')}\n}\n`
}

const fewest = 20
const timesSchema = z.strictObject({ times: z.int(), value: z.unknown() })

const fold = (value: unknown): unknown => {
  if (Array.isArray(value)) return foldArray(value)
  return mapFields(value, fold)
}

const foldArray = (items: unknown[]): unknown[] => {
  const texts = items.map((item) => JSON.stringify(item))
  const folded: unknown[] = []
  for (let start = 0; start < items.length;) {
    let end = start
    while (end < items.length && texts[end] === texts[start]) end += 1
    const item = fold(items[start])
    folded.push(
      ...(end - start < fewest
        ? Array.from({ length: end - start }, () => item)
        : [{ times: end - start, value: item }]),
    )
    start = end
  }
  return folded
}

const unfold = (value: unknown): unknown => {
  if (!Array.isArray(value)) return mapFields(value, unfold)
  return value.flatMap((item) => {
    const { data } = timesSchema.safeParse(item)
    return data ? Array.from({ length: data.times }, () => unfold(data.value)) : [unfold(item)]
  })
}

const mapFields = (value: unknown, change: (field: unknown) => unknown): unknown =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([name, field]) => [name, change(field)]))
    : value
