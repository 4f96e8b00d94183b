import type { SubmitKind } from '../submit-kind.ts'

/** Follows the prediction by server-sent events to its end. */
export const events: SubmitKind = {
  name: 'events',
  weight: 4,
  run: async (turn) => {
    const entry = turn.open(turn.quickQuestion())
    const id = await turn.submit(entry)
    if (id !== null) await turn.followToEnd(entry, id)
  },
}
