import type { SubmitKind } from '../submit-kind.ts'

/** Takes the 202 and goes; the judge comes for the result. */
export const submitAndPoll: SubmitKind = {
  name: 'submit and poll',
  weight: 20,
  run: (turn) => turn.submit(turn.open(turn.quickQuestion())),
}
