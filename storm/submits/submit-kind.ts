import type { Turn } from './turn.ts'

/**
 * A way to have a prediction made, as one client does it from the submit to the end of its interest. What comes of it is
 * for the judge to see: a kind only says how it may end beside what its question says.
 */
export type SubmitKind = {
  /** of the table */
  name: string
  /** how often it is drawn, relative to the others */
  weight: number
  run: (turn: Turn) => Promise<unknown>
}
