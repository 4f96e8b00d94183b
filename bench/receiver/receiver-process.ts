import { z } from 'zod'
import { knownAnswerSchema } from '../models/known-answer.ts'
import { answerParent } from '../processes/answer-parent.ts'
import { ArrivalCount } from './arrival-count.ts'
import { createCheckDelivery } from './check-delivery.ts'
import type { CheckDelivery } from './check-delivery.ts'
import { receiveRequests } from './receive-requests.ts'

const requestSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('listen'),
    /** `whsec_…` */
    secret: z.string(),
    answers: z.array(knownAnswerSchema),
  }),
  /** Count anew. */
  z.object({ type: z.literal('count') }),
  /** Answer when so many different ones have arrived, or when it takes too long. */
  z.object({ type: z.literal('until-arrived'), deliveries: z.int(), patienceMs: z.number() }),
])

let check: CheckDelivery | undefined
let count: ArrivalCount | undefined

answerParent(async (message) => {
  const request = requestSchema.parse(message)
  if (request.type === 'listen') {
    check = createCheckDelivery(request)
    count = new ArrivalCount(check)
    return { url: await listen() }
  }
  if (!check || !count) throw new Error('listen first')
  if (request.type === 'count') {
    count = new ArrivalCount(check)
    return {}
  }
  await count.untilArrived(request)
  return count.report()
})

const listen = () =>
  receiveRequests({
    onRequest: (head, body) => count?.note(head, body),
    onRefused: (head) => count?.fail(`a request that is not understood: ${head.slice(0, 300)}`),
  })
