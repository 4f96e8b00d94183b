import { arrayOfRows } from './kinds/array-of-rows.ts'
import { bulk } from './kinds/bulk.ts'
import { canceled } from './kinds/canceled.ts'
import { crashingRow } from './kinds/crashing-row.ts'
import { deadline } from './kinds/deadline.ts'
import { deleted } from './kinds/deleted.ts'
import { events } from './kinds/events.ts'
import { failingRow } from './kinds/failing-row.ts'
import { keyedRace } from './kinds/keyed-race.ts'
import { keyed } from './kinds/keyed.ts'
import { largeInput } from './kinds/large-input.ts'
import { plainPredict } from './kinds/plain-predict.ts'
import { predictAndLeave } from './kinds/predict-and-leave.ts'
import { predict } from './kinds/predict.ts'
import { prioritized } from './kinds/prioritized.ts'
import { submitAndPoll } from './kinds/submit-and-poll.ts'
import { submitAndWait } from './kinds/submit-and-wait.ts'
import { webhook } from './kinds/webhook.ts'
import type { SubmitKind } from './submit-kind.ts'

/** Every way to have a prediction made. One more is a file and a line. */
export const allKinds: readonly SubmitKind[] = [
  submitAndPoll,
  submitAndWait,
  predict,
  predictAndLeave,
  plainPredict,
  keyed,
  keyedRace,
  arrayOfRows,
  bulk,
  largeInput,
  prioritized,
  failingRow,
  crashingRow,
  canceled,
  deadline,
  deleted,
  webhook,
  events,
]
