import type { PartWriter, RowWriter, WriteRow } from './row-writer.ts'

/** A writer of a format whose rows are text, each by itself. */
export type TextWriter = RowWriter & { write: WriteRow<string> }

export const createTextWriter = (header: string, write: WriteRow<string>): TextWriter => ({
  header,
  write,
  beginPart: (): PartWriter => {
    let text = ''
    const take = () => {
      const bytes = Buffer.from(text)
      text = ''
      return bytes
    }
    return {
      add: (row, id, end) => {
        text += write(row, id, end)
      },
      take,
      end: take,
    }
  },
})
