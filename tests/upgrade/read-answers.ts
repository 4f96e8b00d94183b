import { z } from 'zod'
import type { Answer } from '../support/client.ts'
import type { Submitted } from './filling.ts'
import { owners } from './record-stack.ts'
import type { Clients, Owner } from './record-stack.ts'

/** What an API says of records, object by object: a release that reads the records of another says the same. */
const answerSchema = z.object({ status: z.int(), etag: z.string().nullable(), body: z.unknown() })
export const answersSchema = z.object({
  /** by name, each with its deliveries */
  predictions: z.record(z.string(), z.object({ prediction: answerSchema, deliveries: answerSchema })),
  owners: z.record(
    z.enum(owners),
    z.object({
      /** ids, newest first */
      predictions: z.array(z.string()),
      deliveries: z.array(z.unknown()),
      endpoints: z.array(z.unknown()),
      secret: z.string(),
    }),
  ),
  models: z.array(z.unknown()),
})
export type Answers = z.infer<typeof answersSchema>

export const readAnswers = async (
  clients: Clients,
  predictions: Map<string, Pick<Submitted, 'owner' | 'id'>>,
): Promise<Answers> => {
  const read = [...predictions].map(async ([name, { owner, id }]) => {
    const [prediction, deliveries] = await Promise.all([
      clients[owner].get(`/v1/predictions/${id}`),
      clients[owner].get(`/v1/predictions/${id}/deliveries`),
    ])
    return [name, { prediction: toAnswer(prediction), deliveries: toAnswer(deliveries) }] as const
  })
  const [anonymous, billing, search] = await Promise.all([
    readOwner(clients, 'anonymous'),
    readOwner(clients, 'billing'),
    readOwner(clients, 'search'),
  ])
  const models = await clients.anonymous.get('/v1/models')
  return {
    predictions: Object.fromEntries(await Promise.all(read)),
    owners: { anonymous, billing, search },
    models: models.body.results.map(withoutAge),
  }
}

/** What went wrong is told with an id of the request, which is another each time. */
const toAnswer = ({ status, headers, body }: Answer) =>
  status === 200
    ? { status, etag: headers.get('etag'), body }
    : { status, etag: null, body: { code: body.code, detail: body.detail } }

const readOwner = async (clients: Clients, owner: Owner) => {
  const client = clients[owner]
  const [predictions, deliveries, endpoints, secret] = await Promise.all([
    client.get('/v1/predictions?limit=100'),
    client.get('/v1/deliveries?limit=100'),
    client.get('/v1/webhooks/endpoints'),
    client.get('/v1/webhooks/default/secret'),
  ])
  return {
    predictions: predictions.body.results.map(({ id }: { id: string }) => id),
    deliveries: deliveries.body.results,
    endpoints: endpoints.body.results,
    secret: secret.body.key,
  }
}

/** How long something has waited depends on when it is asked. */
const withoutAge = ({ backlog, ...card }: { backlog: { waiting: number } }) => ({
  ...card,
  backlog: { waiting: backlog.waiting },
})
