import { badRow, models } from '../../questions/models.ts'
import { askOne } from '../../questions/question.ts'
import type { SubmitKind } from '../submit-kind.ts'

const failingShare = 0.1

/** Asks to be told of its end, of its start, or of both, with all of it or without input and output. */
export const webhook: SubmitKind = {
  name: 'webhook',
  weight: 12,
  run: async (turn) => {
    const question = turn.random() < failingShare ? askOne(models.throws.name, badRow) : turn.quickQuestion()
    const events = turn.pick([['completed'], ['completed'], ['start', 'completed'], ['start']] as const)
    const payload = turn.pick(['full', 'thin'] as const)
    const entry = turn.open(question, { isKeyed: turn.random() < 0.5, webhook: { events, payload } })
    await turn.submit(entry)
  },
}
