import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { flowerAt, marker } from './flowers.ts'
import { writeFlowers } from './write-flowers.ts'

const rows = 30_000

test('a file has each row where it is said to be, and a word in all of them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'onqueue-flowers-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'flowers.csv')

  const { bytes, badRows } = await writeFlowers(path, { seed: 3, rows })

  const written = await readFile(path)
  expect(written.length).toBe(bytes)
  expect(badRows.map(({ row }) => row)).toEqual([5000, 15_007, 25_014])
  for (const { row, offset, line, text } of badRows) {
    expect(written.subarray(offset, offset + text.length + 1)).toEqual(
      Buffer.concat([text, Buffer.from('\n')]),
    )
    expect(text).toEqual(flowerAt(3, row).text)
    expect(countLines(written.subarray(0, offset))).toBe(line - 1)
  }
  expect(Array.from({ length: 100 }, (_, row) => flowerAt(3, row).text.includes(marker))).not.toContain(false)
})

test('a row follows from the seed and its number', () => {
  expect(flowerAt(3, 17)).toEqual(flowerAt(3, 17))
  expect(flowerAt(3, 17).values).not.toEqual(flowerAt(4, 17).values)
  expect(flowerAt(3, 17).values).not.toEqual(flowerAt(3, 18).values)
})

const countLines = (bytes: Buffer) => bytes.toString('latin1').split('\n').length - 1
