import type { SubmitKind } from '../submit-kind.ts'

const mostReplays = 3

/** Submits under an Idempotency-Key until it is accepted, and then a few times more. */
export const keyed: SubmitKind = {
  name: 'keyed, repeated',
  weight: 12,
  run: async (turn) => {
    const entry = turn.open(turn.quickQuestion(), { isKeyed: true })
    const replays = Math.floor(turn.random() * mostReplays)
    await turn.submit(entry)
    for (let replay = 0; replay < replays; replay += 1) {
      await turn.rest()
      await turn.submit(entry, turn.random() < 0.5 ? { headers: { prefer: 'wait=5' } } : {})
    }
  },
}
