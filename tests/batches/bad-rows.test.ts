import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { shippedModel, startStack } from '../support/stack.ts'
import type { Stack } from '../support/stack.ts'
import { createBatcher, parseLines } from './batcher.ts'
import type { Batcher } from './batcher.ts'
import { features, makeHouses, priceDirectly } from './houses.ts'
import type { House } from './houses.ts'

let stack: Stack
let batcher: Batcher
let prices: number[]

beforeAll(async () => {
  stack = await startStack({ models: [shippedModel('housing')] })
  batcher = createBatcher(stack.url)
  prices = await priceDirectly(houses)
})
afterAll(() => stack.close())

/** How a row is bad, and what is said of it. */
type Bad = { text: (house: House) => string | Buffer; detail: string; pointer?: string; isCut?: boolean }

const tooLong = 'x'.repeat(1_048_577)
const invalidUtf8 = (text: string) => Buffer.from(text.replace('average', '\u00ff'), 'latin1')
const cellsOf = (house: House) => [...features.map((feature) => house[feature]), 'fine']
const csvOf = (house: Partial<Record<keyof House, number | string>>, note = 'fine') =>
  [...features.map((feature) => house[feature]), note].join(',')

const anInteger = 'must be an integer, or a string of digits'
const aNumber = 'must be a number'
const aCondition = 'must be one of poor, fair, average, good, very good'
const behindQuote = 'has text behind the quote that closes column 1; quotes in quotes are written twice'
const isTooLong = 'is longer than the 1048576 bytes that a row may have'

const badInCsv: Bad[] = [
  { text: (house) => cellsOf(house).slice(0, 10).join(','), detail: 'has 10 columns, the header has 13' },
  { text: (house) => `${csvOf(house)},more`, detail: 'has 14 columns, the header has 13' },
  { text: () => 'nonsense', detail: 'has 1 column, the header has 13' },
  { text: (house) => csvOf({ ...house, bedrooms: '' }), detail: anInteger, pointer: '/features/bedrooms' },
  { text: (house) => csvOf({ ...house, bedrooms: 2.5 }), detail: anInteger, pointer: '/features/bedrooms' },
  { text: (house) => csvOf({ ...house, floors: 'tall' }), detail: aNumber, pointer: '/features/floors' },
  { text: (house) => csvOf({ ...house, floors: '1"5' }), detail: aNumber, pointer: '/features/floors' },
  { text: (house) => csvOf({ ...house, floors: '1\u00005' }), detail: aNumber, pointer: '/features/floors' },
  {
    text: (house) => csvOf({ ...house, sqft_lot: 1e39 }),
    detail: 'is too large for float32',
    pointer: '/features/sqft_lot',
  },
  {
    text: (house) => csvOf({ ...house, condition: 'splendid' }),
    detail: aCondition,
    pointer: '/features/condition',
  },
  { text: (house) => csvOf({ ...house, bedrooms: '"3"x' }), detail: behindQuote },
  { text: (house) => csvOf({ ...house, bedrooms: '"3"x' }, '"two\nlines"'), detail: behindQuote },
  { text: (house) => invalidUtf8(csvOf({ ...house, condition: 'average' })), detail: 'is not valid UTF-8' },
  { text: (house) => csvOf(house, tooLong), detail: isTooLong, isCut: true },
]

const jsonOf = (features: unknown, more: object = {}) => JSON.stringify({ features, ...more })
const notJson = 'is not JSON; a line is one input, such as {"features": …}'
const anInput = 'must be an object like {"features": […12 values…]}'
const badInJsonl: Bad[] = [
  { text: (house) => jsonOf({ ...house, floors: undefined }), detail: 'lacks floors', pointer: '/features' },
  {
    text: (house) => jsonOf({ ...house, floors: 'tall' }),
    detail: aNumber,
    pointer: '/features/floors',
  },
  { text: (house) => jsonOf({ ...house, floors: null }), detail: aNumber, pointer: '/features/floors' },
  { text: (house) => jsonOf({ ...house, bedrooms: 2.5 }), detail: anInteger, pointer: '/features/bedrooms' },
  {
    text: (house) => jsonOf({ ...house, condition: 'splendid' }),
    detail: aCondition,
    pointer: '/features/condition',
  },
  {
    text: (house) => jsonOf({ ...house, garage: 1 }),
    detail: `has a feature that this model does not know; it knows ${features.join(', ')}`,
    pointer: '/features',
  },
  {
    text: (house) => jsonOf(cellsOf(house).slice(0, 9)),
    detail: 'must have 12 values',
    pointer: '/features',
  },
  { text: (house) => JSON.stringify({ feature: house }), detail: anInput },
  { text: (house) => JSON.stringify(cellsOf(house)), detail: anInput },
  { text: () => '42', detail: anInput },
  { text: () => 'null', detail: anInput },
  { text: (house) => jsonOf(house).slice(0, -1), detail: notJson },
  { text: () => 'nonsense', detail: notJson },
  { text: (house) => invalidUtf8(jsonOf({ ...house, condition: 'average' })), detail: 'is not valid UTF-8' },
  { text: (house) => jsonOf(house, { note: tooLong }), detail: isTooLong, isCut: true },
]

const rows = 1000 * Math.max(badInCsv.length, badInJsonl.length)
const houses = makeHouses(rows)
/** The bad row of a place: every 1,000th row is bad, in the ways in turn. */
const placeOf = (row: number) => (row % 1000 === 500 ? Math.floor(row / 1000) : -1)

/** A text of rows, and where in it those that are bad are. Lines are no rows: some have nothing, and some rows have two. */
const makeText = (header: string, bad: Bad[], good: (house: House, row: number) => string) => {
  const pieces: Buffer[] = [Buffer.from(header)]
  const places: { row: number; line: number; offset: number; text: Buffer; bad: Bad }[] = []
  let offset = header.length
  let line = header === '' ? 1 : 2
  for (const [row, house] of houses.entries()) {
    const way = bad[placeOf(row)]
    const text = Buffer.from(way ? way.text(house) : good(house, row))
    const blank = row % 900 === 0 ? '\n' : ''
    line += blank.length
    offset += blank.length
    if (way) places.push({ row, line, offset, text, bad: way })
    pieces.push(Buffer.from(blank), text, Buffer.from('\n'))
    line += 1 + text.filter((byte) => byte === 10).length
    offset += text.length + 1
  }
  return { content: new Uint8Array(Buffer.concat(pieces)), places }
}

const score = async (content: Uint8Array<ArrayBuffer>, format: 'csv' | 'jsonl' | 'parquet') => {
  const { body } = await batcher.submit('housing', content, { format, query: '?output_format=jsonl' })
  const batch = await batcher.untilEnded(body.id)
  return { batch, output: parseLines(await batcher.output(body.id)), errors: await batcher.errors(body.id) }
}

/** Every row has one in the output, in order: that of a bad one says so, all others are priced as ONNX Runtime does. */
const expectScored = ({ batch, output }: Awaited<ReturnType<typeof score>>, ways: number) => {
  expect(batch).toMatchObject({
    status: 'completed',
    counts: { total: rows, completed: rows - ways, failed: ways, pending: 0 },
  })
  expect(output).toHaveLength(rows)
  const wrong = output.filter(({ row, prediction, error_code: code }, place) => {
    const isBad = placeOf(place) >= 0 && placeOf(place) < ways
    const isRight = isBad
      ? prediction === null && code === 'invalid_input'
      : Math.abs(prediction - (prices[place] ?? Number.NaN)) < 1e-5 && code === undefined
    return row !== place || !isRight
  })
  expect(wrong).toEqual([])
}

test.each([
  {
    format: 'csv' as const,
    bad: badInCsv,
    header: `${features.join(',')},note\n`,
    good: (house: House, row: number) => csvOf(house, row % 700 === 0 ? '"two\nlines"' : 'fine'),
  },
  { format: 'jsonl' as const, bad: badInJsonl, header: '', good: (house: House) => jsonOf(house) },
])(
  'where every 1,000th row of $format is bad, each in another way, these fail with their lines and all others are scored',
  async ({ format, bad, header, good }) => {
    const { content, places } = makeText(header, bad, good)

    const scored = await score(content, format)

    expectScored(scored, bad.length)
    expect(scored.errors).toEqual(
      places.map(({ row, line, offset, text, bad: { detail, pointer = '', isCut = false } }) => ({
        row,
        line,
        code: 'invalid_input',
        detail,
        pointer,
        offset,
        input: text.toString('utf8', 0, 4096),
        ...(isCut ? { input_truncated: true } : {}),
      })),
    )
  },
)

/** How a row of Parquet is bad: the value that a column of it has, and what is said of that. */
const badInParquet: { column: keyof House; value: unknown; detail: string }[] = [
  { column: 'floors', value: null, detail: aNumber },
  { column: 'bedrooms', value: null, detail: anInteger },
  { column: 'condition', value: null, detail: aCondition },
  { column: 'floors', value: Number.NaN, detail: aNumber },
  { column: 'sqft_lot', value: Infinity, detail: 'is too large for float32' },
  { column: 'sqft_lot', value: 1e300, detail: 'is too large for float32' },
  { column: 'condition', value: 'splendid', detail: aCondition },
]

test('where every 1,000th row of Parquet is bad, these fail and all others are scored', async () => {
  const valueOf = (house: House, row: number, column: keyof House) => {
    const bad = badInParquet[placeOf(row)]
    return bad?.column === column ? bad.value : house[column]
  }
  const file = parquetWriteBuffer({
    columnData: features.map((name) => ({
      name,
      type: typeof houses[0]?.[name] === 'string' ? 'STRING' : name === 'bedrooms' ? 'INT32' : 'DOUBLE',
      nullable: true,
      data: houses.map((house, row) => valueOf(house, row, name)),
    })),
    rowGroupSize: 4000,
  })

  const scored = await score(new Uint8Array(file), 'parquet')

  expectScored(scored, badInParquet.length)
  expect(scored.errors).toEqual(
    badInParquet.map(({ column, detail }, place) => ({
      row: 500 + 1000 * place,
      code: 'invalid_input',
      detail,
      pointer: `/features/${column}`,
      input: expect.stringContaining(`"${column}"`),
    })),
  )
})
