import { open } from 'node:fs/promises'
import { flowerAt, flowerHeader } from './flowers.ts'

/** A bad row, and where in the file it is. */
export type BadRow = { row: number; line: number; offset: number; text: Buffer }

/** A file of rows, and what is known of it. */
export type FlowerFile = { path: string; seed: number; rows: number; bytes: number; badRows: BadRow[] }

const piecesBytes = 1 << 20

/** Writes a table of flowers. */
export const writeFlowers = async (
  path: string,
  { seed, rows }: { seed: number; rows: number },
): Promise<FlowerFile> => {
  await using file = await open(path, 'w')
  const header = Buffer.from(`${flowerHeader}\n`)
  const badRows: BadRow[] = []
  let pieces: Buffer[] = [header]
  let waiting = header.length
  let offset = header.length
  let line = 2
  for (let row = 0; row < rows; row += 1) {
    const { text, values } = flowerAt(seed, row)
    if (values === null) badRows.push({ row, line, offset, text })
    pieces.push(text, lineBreak)
    waiting += text.length + 1
    offset += text.length + 1
    line += countBreaks(text) + 1
    if (waiting < piecesBytes) continue
    await file.writeFile(Buffer.concat(pieces))
    pieces = []
    waiting = 0
  }
  await file.writeFile(Buffer.concat(pieces))
  return { path, seed, rows, bytes: offset, badRows }
}

const lineBreak = Buffer.from('\n')

const countBreaks = (text: Buffer) => {
  let breaks = 0
  for (let at = text.indexOf(10); at !== -1; at = text.indexOf(10, at + 1)) breaks += 1
  return breaks
}
