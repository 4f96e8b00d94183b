import { escapeControls } from '../commands/escape-controls.ts'

/** Lines with the cells of each row below one another. Nothing in a cell can break a line or write to the terminal. */
export const showColumns = (rows: readonly (readonly string[])[]): string[] => {
  const shown = rows.map((row) => row.map(escapeControls))
  const widths = shown.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(cell.length, widest[column] ?? 0)),
    [],
  )
  return shown.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
