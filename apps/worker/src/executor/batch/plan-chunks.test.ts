import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecordCutter } from '@onqueue/shared/rows'
import type { TextFormat } from '@onqueue/shared/rows'
import { chunkLimits, planChunks } from './plan-chunks.ts'
import type { Chunk, ChunkLimits, PlanCursor } from './plan-chunks.ts'

const start: PlanCursor = { chunk: 0, offset: 0, row: 0, line: 1 }

const windowsOf = (bytes: Buffer, windowBytes: number) =>
  Array.from({ length: Math.ceil(bytes.length / windowBytes) }, (_, index) =>
    bytes.subarray(index * windowBytes, (index + 1) * windowBytes),
  )

const plan = async (
  format: TextFormat,
  bytes: Buffer,
  options: { limits: ChunkLimits; windowBytes?: number; cursor?: PlanCursor },
) => {
  const { limits, windowBytes = 1e9, cursor = start } = options
  const source = windowsOf(bytes.subarray(cursor.offset), windowBytes)
  return Array.fromAsync(planChunks({ format, source, cursor, limits }))
}

/** Records with their lines, of bytes that lie at `offset` of the file. */
const readRecords = (
  format: TextFormat,
  bytes: Buffer,
  { offset, line }: { offset: number; line: number },
) => {
  const cutter = new RecordCutter({ format, offset, line })
  const records: string[] = []
  const take = () => {
    for (let record = cutter.next(); record; record = cutter.next()) {
      const text = record.bytes.toString('utf8', record.start, record.end)
      records.push(`${record.offset}:${record.line}:${text}`)
    }
  }
  cutter.feed(bytes)
  take()
  cutter.end()
  take()
  return records
}

const readChunk = (format: TextFormat, bytes: Buffer, { offset, length, firstLine }: Chunk) =>
  readRecords(format, bytes.subarray(offset, offset + length), { offset, line: firstLine })

test('a chunk ends with the record that gets it over its bytes or rows', async () => {
  const bytes = Buffer.from('1\n22\n\n333\n4\n5\n6\n7\n')

  const chunks = await plan('jsonl', bytes, { limits: { bytes: 6, rows: 3, minBytes: 0 } })

  expect(chunks).toEqual([
    {
      chunk: { offset: 0, length: 10, firstRow: 0, rows: 3, firstLine: 1 },
      cursor: { chunk: 1, offset: 10, row: 3, line: 5 },
    },
    {
      chunk: { offset: 10, length: 6, firstRow: 3, rows: 3, firstLine: 5 },
      cursor: { chunk: 2, offset: 16, row: 6, line: 8 },
    },
    {
      chunk: { offset: 16, length: 2, firstRow: 6, rows: 1, firstLine: 8 },
      cursor: { chunk: 3, offset: 18, row: 7, line: 9 },
    },
  ])
})

test('rows that take long make small chunks, and files that are large make large ones', () => {
  expect(chunkLimits({ fileBytes: 1e6, rowMs: 10 })).toEqual({ bytes: 1_048_576, rows: 100, minBytes: 50 })
  expect(chunkLimits({ fileBytes: 1e6, rowMs: 5000 }).rows).toBe(1)
  expect(chunkLimits({ fileBytes: 1e6, rowMs: 0.002 }).rows).toBe(65_536)
  expect(chunkLimits({ fileBytes: 1e12, rowMs: 10 }).minBytes).toBe(50_000_000)
})

test('a file has at most 20,000 chunks, however long its rows take', async () => {
  const bytes = Buffer.from('{"features":[1,2,3,4]}\n'.repeat(50_000))

  const chunks = await plan('jsonl', bytes, { limits: chunkLimits({ fileBytes: bytes.length, rowMs: 5000 }) })

  expect(chunks.length).toBeLessThanOrEqual(20_000)
  expect(chunks.length).toBeGreaterThan(10_000)
})

/** Bytes in which what ends records and fields is common. */
const fileBytes = fc
  .array(fc.constantFrom('a', '1', ',', '"', '""', '\n', '\r\n', '\r', 'ä', '€', ' ', '{"x":1}'), {
    maxLength: 60,
  })
  .map((pieces) => Buffer.from(pieces.join('')))

const anyLimits = fc.record({
  bytes: fc.integer({ min: 1, max: 40 }),
  rows: fc.integer({ min: 1, max: 5 }),
  minBytes: fc.integer({ min: 0, max: 20 }),
})

test.each(['csv', 'jsonl'] as const)(
  'the records of the chunks of any %s are those of the whole file, however it is cut and read',
  async (format) => {
    await fc.assert(
      fc.asyncProperty(
        fileBytes,
        anyLimits,
        fc.integer({ min: 1, max: 70 }),
        async (bytes, limits, windowBytes) => {
          // one with an open quote has no chunks that could be compared
          const all = tryRead(format, bytes)
          fc.pre(all !== undefined)
          const chunks = (await plan(format, bytes, { limits, windowBytes })).map(({ chunk }) => chunk)

          expect(chunks.flatMap((chunk) => readChunk(format, bytes, chunk))).toEqual(all)
          expect(chunks.reduce((rows, chunk) => rows + chunk.rows, 0)).toBe(all?.length)
          expect(chunks.map(({ firstRow }) => firstRow)).toEqual(
            chunks.map((_, index) => chunks.slice(0, index).reduce((rows, chunk) => rows + chunk.rows, 0)),
          )
        },
      ),
      { numRuns: 500 },
    )
  },
)

test('a planner that goes on from any cursor plans what was missing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fileBytes,
      anyLimits,
      fc.integer({ min: 1, max: 70 }),
      async (bytes, limits, windowBytes) => {
        fc.pre(tryRead('csv', bytes) !== undefined)
        const planned = await plan('csv', bytes, { limits })

        for (const [index, { cursor }] of planned.entries()) {
          expect(await plan('csv', bytes, { limits, cursor, windowBytes })).toEqual(planned.slice(index + 1))
        }
      },
    ),
  )
})

const tryRead = (format: TextFormat, bytes: Buffer) => {
  try {
    return readRecords(format, bytes, { offset: 0, line: 1 })
  } catch {
    return undefined
  }
}
