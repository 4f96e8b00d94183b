import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openParquet } from './open-parquet.ts'
import { asFile, readFixture } from './parquet-file.fixture.ts'
import { parquetChunkRows, planParquetChunks } from './plan-parquet-chunks.ts'

const opened = await openParquet(asFile(readFixture('lz4.parquet')))

const plan = (groupRows: number[], chunkRows: number, cursor = { chunk: 0, offset: 0, row: 0, line: 0 }) => {
  const file = { ...opened, groupRows, rows: groupRows.reduce((sum, rows) => sum + rows, 0) }
  return [...planParquetChunks({ file, cursor, chunkRows })]
}

const rowsOf = (groupRows: number[], chunkRows: number) =>
  plan(groupRows, chunkRows).map(({ chunk }) => [chunk.firstRow, chunk.rows])

test('a large row group is several chunks', () => {
  expect(rowsOf([250], 100)).toEqual([
    [0, 100],
    [100, 100],
    [200, 50],
  ])
})

test('small row groups are together in a chunk, which ends where one of them ends', () => {
  expect(rowsOf([40, 40, 40, 0, 10], 100)).toEqual([
    [0, 80],
    [80, 50],
  ])
})

test('a chunk of less than half of its rows does not end for a row group', () => {
  expect(rowsOf([130, 130], 100)).toEqual([
    [0, 100],
    [100, 100],
    [200, 60],
  ])
})

test('chunks have every row once, and those from a cursor on are the rest', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(300), { maxLength: 20 }),
      fc.integer({ min: 1, max: 400 }),
      fc.nat(10),
      (groups, chunkRows, index) => {
        const planned = plan(groups, chunkRows)

        let row = 0
        for (const { chunk, cursor } of planned) {
          expect(chunk.firstRow).toBe(row)
          expect(chunk.rows).toBeGreaterThan(0)
          expect(chunk.rows).toBeLessThanOrEqual(chunkRows)
          row += chunk.rows
          expect(cursor.row).toBe(row)
        }
        expect(row).toBe(groups.reduce((sum, rows) => sum + rows, 0))
        const cursor = planned[index]?.cursor
        if (cursor) expect(plan(groups, chunkRows, cursor)).toEqual(planned.slice(index + 1))
      },
    ),
  )
})

test('a chunk is to run for a second, and there are no more than 20,000', () => {
  expect(parquetChunkRows({ rows: 1_000_000, rowMs: 0.001 })).toBe(131_072)
  expect(parquetChunkRows({ rows: 1_000_000, rowMs: 2 })).toBe(500)
  expect(parquetChunkRows({ rows: 1_000_000, rowMs: 5000 })).toBe(50)
})
