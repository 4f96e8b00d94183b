import type { Entry } from '../ledger/entry.ts'
import type { Violation } from './evidence.ts'
import { isRightOutput } from './find-fault.ts'
import type { Matching } from './match-found.ts'

/** Outputs that are wrong because they are those of somebody else, row by row. */
export const nameMixedUp = (entries: readonly Entry[], matching: Matching): Violation[] => {
  const owners = new Map<string, Entry>()
  for (const entry of entries) {
    for (const output of rowsOf(entry.question.answer.output)) owners.set(signOf(entry, output), entry)
  }
  return entries.flatMap((entry) =>
    matching.of(entry).flatMap(({ id, prediction }) => {
      const expected = rowsOf(entry.question.answer.output)
      return rowsOf(prediction?.output).flatMap((output, row) => {
        const owner = output === null ? undefined : owners.get(signOf(entry, output))
        return owner && owner !== entry && !isRightOutput(output, expected[row])
          ? [{ rule: 'mixed up', id, what: `row ${row} has the output of ${owner.kind} ${owner.ordinal}` }]
          : []
      })
    }),
  )
}

const rowsOf = (output: unknown): unknown[] => (Array.isArray(output) ? output : [output ?? null])
const signOf = ({ question }: Entry, output: unknown) => `${question.model} ${JSON.stringify(output)}`
