import type { SubmitKind } from '../submit-kind.ts'

/** Overtakes others, or is overtaken. */
export const prioritized: SubmitKind = {
  name: 'high or low priority',
  weight: 5,
  run: (turn) =>
    turn.submit(turn.open(turn.quickQuestion()), { fields: { priority: turn.pick(['high', 'low']) } }),
}
