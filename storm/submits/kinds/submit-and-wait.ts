import type { SubmitKind } from '../submit-kind.ts'

/** Waits for the result with the submit, and with reads after it where that was not enough. */
export const submitAndWait: SubmitKind = {
  name: 'submit and wait',
  weight: 12,
  run: async (turn) => {
    const entry = turn.open(turn.quickQuestion())
    const id = await turn.submit(entry, { headers: { prefer: 'wait=5' } })
    if (id !== null && entry.sightings.length === 0) await turn.untilFinal(entry, id)
  },
}
