import type { SubmitKind } from '../submit-kind.ts'

const mostRacers = 3

/** The same submit several times at once, as a client with a hasty time-out does it: one prediction comes of it. */
export const keyedRace: SubmitKind = {
  name: 'keyed, racing',
  weight: 5,
  run: async (turn) => {
    const entry = turn.open(turn.quickQuestion(), { isKeyed: true })
    const racers = 2 + Math.floor(turn.random() * (mostRacers - 1))
    await Promise.all(Array.from({ length: racers }, () => turn.submit(entry)))
  },
}
