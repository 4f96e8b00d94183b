import { readBulkReply } from '../../ledger/read-bulk-reply.ts'
import type { Entry } from '../../ledger/entry.ts'
import { quickModels } from '../../questions/models.ts'
import { askOne } from '../../questions/question.ts'
import type { SubmitKind } from '../submit-kind.ts'
import { patienceMs } from '../turn.ts'
import type { Turn } from '../turn.ts'

const sizes = { least: 2, more: 10 }
const keyedShare = 0.6
const repeatedShare = 0.5

/** A few with one request, with an Idempotency-Key for all of them or without one. */
export const bulk: SubmitKind = {
  name: 'bulk',
  weight: 6,
  run: async (turn) => {
    const model = turn.pick(quickModels)
    const isKeyed = turn.random() < keyedShare
    const count = sizes.least + Math.floor(turn.random() * sizes.more)
    const entries = Array.from({ length: count }, (_, part) =>
      turn.open(askOne(model.name, turn.row(model, part)), { isKeyed, part }),
    )
    const until = Date.now() + patienceMs
    // with a key all are sent each time: those that were accepted are found again
    let open = await submit(turn, entries)
    if (isKeyed && turn.random() < repeatedShare) open = entries
    while (open.length > 0 && Date.now() < until) {
      await turn.rest()
      open = await submit(turn, isKeyed ? entries : open)
    }
  },
}

/** Tries once. Those that are still open: refused, or with a key also where nobody knows. */
const submit = async (turn: Turn, entries: readonly Entry[]): Promise<Entry[]> => {
  const requests = entries.map((entry) => turn.submitRequest(entry, {}))
  const [first] = requests
  if (!first) return []
  const at = Date.now()
  const body = requests.map((request) => request.body)
  const reply = await turn.call({ ...first, path: `${first.path}/bulk`, body })
  const answers = readBulkReply(reply, entries.length)
  return entries.filter((entry, index) => {
    const answer = answers[index]
    if (answer) entry.tries.push({ at, answer })
    return answer?.kind === 'refused' || (answer?.kind === 'unknown' && entry.key !== null)
  })
}
