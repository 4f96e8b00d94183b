/**
 * What to do about a reason why rows run alone, as docs/models.md has it. Undefined where there is nothing to do, or where the
 * reason says it.
 */
export const adviceFor = (reason: string): string | undefined =>
  advice.find(([pattern]) => pattern.test(reason))?.[1]

const waitForRows =
  'nothing: rows that callers send show it later. Or give an `example` that is like these: others are made by varying it'

/** A row each of the table in docs/models.md, which a test compares. */
const advice: [reason: RegExp, whatToDo: string][] = [
  [/all sample rows got the same output/, waitForRows],
  [/no generated row could be run|too few sample rows/, waitForRows],
  [
    /rows are not independent/,
    'the model is quantised as it runs (`quantize_dynamic`): export it in float32, or quantise it statically; or take the difference: `batching: { rows: independent }`. The card warns with it',
  ],
  [/its first axis is fixed to one row/, 'export it with a dynamic first axis'],
  [/is another each time that a row runs/, 'the model answers at random: rows run alone'],
  [/^its first axis is not one of rows/, 'where it is one, say `rows: first`'],
  [/^its output .* has no axis for rows/, 'leave that output out of the export where nobody needs it'],
]
