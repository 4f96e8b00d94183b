import { askOne } from '../questions/question.ts'
import type { StormModel } from '../questions/models.ts'
import { events } from './kinds/events.ts'
import { keyedRace } from './kinds/keyed-race.ts'
import { keyed } from './kinds/keyed.ts'
import { plainPredict } from './kinds/plain-predict.ts'
import { prioritized } from './kinds/prioritized.ts'
import { submitAndPoll } from './kinds/submit-and-poll.ts'
import { submitAndWait } from './kinds/submit-and-wait.ts'
import type { SubmitKind } from './submit-kind.ts'

/** Callers of the model whose files are scored: they stay until they have their answer, and have it told too. */
export const callersOf = (model: StormModel): SubmitKind => ({
  name: 'of the same model',
  weight: 30,
  run: async (turn) => {
    const entry = turn.open(askOne(model.name, turn.row(model)), {
      isKeyed: true,
      webhook: { events: ['completed'], payload: 'full' },
    })
    const id = await turn.submit(entry)
    if (id !== null) await turn.untilFinal(entry, id)
  },
})

/** What others do meanwhile, with models that start in no time. */
export const othersBeside: readonly SubmitKind[] = [
  submitAndPoll,
  submitAndWait,
  plainPredict,
  keyed,
  keyedRace,
  prioritized,
  events,
]
