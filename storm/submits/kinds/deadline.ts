import type { SubmitKind } from '../submit-kind.ts'

/** Has a deadline, from one that is over at once to one that is met but for a worker that dies. */
export const deadline: SubmitKind = {
  name: 'Cancel-After',
  weight: 4,
  run: async (turn) => {
    const entry = turn.open(turn.quickQuestion())
    entry.mayEnd.add('canceled').add('expired')
    await turn.submit(entry, { headers: { 'cancel-after': turn.pick(['0.01', '0.2', '2s', '10s']) } })
  },
}
