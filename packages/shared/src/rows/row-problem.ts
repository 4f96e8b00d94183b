/** What is wrong with a row: a JSON Pointer into it, '' for the whole, and the end of a sentence ("must be a number"). */
export type RowProblem = { pointer: string; detail: string }

/** One step of a JSON Pointer (RFC 6901). */
export const pointerStep = (name: string | number) =>
  `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`
