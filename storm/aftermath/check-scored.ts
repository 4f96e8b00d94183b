import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { scoreDirectly } from '../../tests/batches/score-directly.ts'
import { flowerAt } from '../questions/flowers.ts'
import type { Flower } from '../questions/flowers.ts'
import type { BadRow, FlowerFile } from '../questions/write-flowers.ts'

const outputLine = z.strictObject({
  row: z.int(),
  id: z.string().optional(),
  prediction: z.string().nullable(),
  probabilities: z.record(z.string(), z.number()).nullable(),
  error_code: z.string().optional(),
})
const errorLine = z.strictObject({
  row: z.int(),
  line: z.int(),
  id: z.string().optional(),
  code: z.literal('invalid_input'),
  detail: z.string().min(1),
  pointer: z.string(),
  offset: z.int(),
  input: z.string(),
  input_truncated: z.literal(true).optional(),
})

type Direct = Awaited<ReturnType<typeof scoreDirectly>>[number]

/** Rows are scored by the model in this process so many at a time. */
const rowsAtOnce = 50_000
const mostFaults = 20
/** The last digits hang on how many rows run together. */
const tolerance = 1e-5
/** Of a row its error repeats so many bytes. */
const inputBytes = 4096

/** Of good rows one in so many is scored here too: all of them take longer than the batch. */
const oneScoredIn = 10

/**
 * What is wrong with the output of a table: each row has a line, in order, bad ones as such, and many of the others are held against
 * what the model says of them in this process.
 */
export const checkOutput = async (path: string, { seed, rows, badRows }: FlowerFile): Promise<string[]> => {
  const bad = new Set(badRows.map(({ row }) => row))
  const faults: string[] = []
  const lines = createInterface({ input: createReadStream(path) })[Symbol.asyncIterator]()
  for (let from = 0; from < rows && faults.length < mostFaults; from += rowsAtOnce) {
    const numbers = Array.from({ length: Math.min(rowsAtOnce, rows - from) }, (_, index) => from + index)
    const flowers = new Map(
      numbers
        .filter((row) => row % oneScoredIn === 0 || bad.has(row))
        .map((row) => [row, flowerAt(seed, row)]),
    )
    const inputs = [...flowers.values()].map(({ values }) => ({ values: values ?? [0, 0, 0, 0] }))
    const direct = (await scoreDirectly(inputs)).values()
    for (const row of numbers) {
      const { value } = await lines.next()
      const [text, flower] = [String(value), flowers.get(row)]
      const isInPlace = text.startsWith(`{"row":${row},"`)
      const fault = flower ? findOutputFault(text, { row, flower, direct: direct.next().value }) : undefined
      if (fault !== undefined || !isInPlace)
        faults.push(`row ${row}: ${fault ?? 'is not in its place'}: ${text.slice(0, 300)}`)
    }
  }
  const { done } = await lines.next()
  return done || faults.length > 0 ? faults : ['there are more lines than rows']
}

const findOutputFault = (
  text: string,
  { row, flower, direct }: { row: number; flower: Flower; direct: Direct | undefined },
) => {
  const { data: line } = outputLine.safeParse(parse(text))
  if (line?.row !== row) return 'is not the line of the row'
  if (line.id !== flower.name) return `has not the id ${flower.name}`
  if (flower.values === null) {
    const isNull = line.prediction === null && line.probabilities === null
    return isNull && line.error_code === 'invalid_input' ? undefined : 'is a bad row, and not told as one'
  }
  const scores = Object.values(line.probabilities ?? {})
  const areSame = direct?.probabilities.every(
    (one, place) => Math.abs((scores[place] ?? NaN) - one) < tolerance,
  )
  const isRight = line.prediction === direct?.prediction && areSame && line.error_code === undefined
  return isRight ? undefined : `is not ${JSON.stringify(direct)}`
}

/** What is wrong with the errors of a table: each bad row has a line, and says where it was and what it was. */
export const checkErrors = async (path: string, { seed, badRows }: FlowerFile): Promise<string[]> => {
  const lines = (await readFile(path, 'utf8')).split('\n')
  const faults = badRows.flatMap((bad, index) => {
    const fault = findErrorFault(lines[index] ?? '', { bad, name: flowerAt(seed, bad.row).name })
    return fault === undefined ? [] : [`row ${bad.row}: ${fault}: ${lines[index]?.slice(0, 300)}`]
  })
  return lines.length === badRows.length + 1 && lines.at(-1) === ''
    ? faults
    : [`there are ${lines.length - 1} errors of ${badRows.length} bad rows`, ...faults]
}

const findErrorFault = (text: string, { bad, name }: { bad: BadRow; name: string | undefined }) => {
  const { data: line } = errorLine.safeParse(parse(text))
  if (line?.row !== bad.row) return 'is not the error of the row'
  if (line.line !== bad.line) return `is not told of line ${bad.line}`
  if (line.offset !== bad.offset) return `is not told of byte ${bad.offset}`
  if (line.id !== name) return `has not the id ${name}`
  const isCut = bad.text.length > inputBytes
  if (isCut !== (line.input_truncated === true)) return isCut ? 'does not say that it is cut' : 'is cut'
  return line.input === bad.text.toString('utf8', 0, inputBytes) ? undefined : 'repeats another input'
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
