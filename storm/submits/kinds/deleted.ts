import type { SubmitKind } from '../submit-kind.ts'

/** Deleted: at once, or when it is final. */
export const deleted: SubmitKind = {
  name: 'deleted',
  weight: 3,
  run: async (turn) => {
    const entry = turn.open(turn.quickQuestion())
    const id = await turn.submit(entry)
    if (id === null) return
    if (turn.random() < 0.5) await turn.untilFinal(entry, id)
    await turn.remove(entry, id)
  },
}
