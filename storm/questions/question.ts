/** What a prediction is asked, and what the right answer is, known without the server. */
export type Question = {
  model: string
  /** one row, or an array of rows */
  input: unknown
  answer: Answer
  /** what a dialect answers that shows the output in a way of its own */
  shownAs?: unknown
}

export type Answer =
  | { status: 'succeeded'; output: unknown }
  /** one row that fails, or an array some of whose rows do: their places, and null in their place in the output */
  | { status: 'failed'; code: string; orCode?: string; output: unknown; badRows: readonly number[] }

/** A row, and what comes out of it: an output, or the code of the error that it ends with, or may end with by itself. */
export type Row = { input: unknown; output: unknown } | { input: unknown; code: string; orCode?: string }

export const askOne = (model: string, row: Row): Question => ({
  model,
  input: row.input,
  answer:
    'code' in row
      ? {
          status: 'failed',
          code: row.code,
          ...(row.orCode === undefined ? {} : { orCode: row.orCode }),
          output: null,
          badRows: [],
        }
      : { status: 'succeeded', output: row.output },
})

export const askMany = (model: string, rows: readonly Row[]): Question => {
  const outputs = rows.map((row) => ('code' in row ? null : row.output))
  const badRows = rows.flatMap((row, index) => ('code' in row ? [index] : []))
  return {
    model,
    input: rows.map(({ input }) => input),
    answer:
      badRows.length === 0
        ? { status: 'succeeded', output: outputs }
        : { status: 'failed', code: 'rows_failed', output: outputs, badRows },
  }
}
