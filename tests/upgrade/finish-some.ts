import type { Answer } from '../support/client.ts'
import type { StackProcess } from '../support/stack.ts'
import type { Filling } from './filling.ts'
import { owners } from './record-stack.ts'
import type { Clients, Owner } from './record-stack.ts'
import { until } from './until.ts'

/**
 * Predictions that ended in every way, with deliveries that stand in every way. The last ones end when no webhooks process
 * is left.
 */
export const finishSome = async (filling: Filling, webhooks: StackProcess) => {
  const { clients, origins } = filling
  await Promise.all([...withoutWebhook(filling), ...withWebhook(filling)])
  await expectStatus(clients.billing.call('POST', '/v1/webhooks/test', { url: `${origins.up}/test` }), 202)
  await untilFinal(filling)
  await untilAttempted(clients, { anonymous: 1, billing: 5, search: 3 })
  await expectStatus(clients.billing.call('POST', '/v1/webhooks/default/secret/rotate'), 200)
  const deleted = filling.predictions.get('succeeded and deleted')?.id
  await expectStatus(clients.search.call('DELETE', `/v1/predictions/${deleted}`), 204)
  await webhooks.stop()

  await Promise.all(withoutDelivery(filling))
  await untilFinal(filling)
}

export const expectStatus = async (answering: Promise<Answer>, status: number) => {
  const answer = await answering
  if (answer.status !== status) throw new Error(`answered ${answer.status}, not ${status}: ${answer.text}`)
}

/** What asks for both events, and for a short message. */
export const both = { webhook_events_filter: ['start', 'completed'] }
export const thin = { webhook_payload: 'thin' }

const metadata = { order: 'A-17', note: 'Ünïcødé 🐟' }

/** Its JSON is of more than 64 KiB from 500 rows on, and together with their outputs of more than 256 KiB from 900 on. */
export const flowers = (rows: number) =>
  Array.from({ length: rows }, () => ({
    features: {
      length_of_the_sepals_in_cm: 5.1,
      width_of_the_sepals_in_cm: 3.5,
      length_of_the_petals_in_cm: 1.4,
      width_of_the_petals_in_cm: 0.2,
    },
  }))

const withoutWebhook = ({ submit }: Filling) => [
  submit('succeeded', { model: 'flowers', input: flowers(1)[0], fields: { metadata } }),
  submit('succeeded, array', { owner: 'billing', input: [{ i: 1 }, { i: 2 }], fields: { priority: 'high' } }),
  submit('waited for', { input: { i: 2 }, prefer: 'wait=20' }),
  submit('rows failed', { input: [{ i: 1 }, { i: 99 }], fields: { priority: 'low' } }),
  submit('failed', { owner: 'search', input: { i: 99 } }),
  submit('crashed its executor', { owner: 'billing', model: 'crashes', input: { i: 999 } }),
  submit('succeeded, keyed', { input: { i: 3 }, idempotencyKey: 'order-1' }),
  submit('succeeded and deleted', { owner: 'search', input: { i: 3 }, idempotencyKey: 'order-1' }),
]

const withWebhook = ({ submit, origins: { up, down, paused } }: Filling) => {
  const told = (owner: Owner, webhook: string, options = {}) => ({
    owner,
    input: { i: 2 },
    fields: { webhook, ...options },
  })
  return [
    submit('delivered', told('billing', `${up}/both`, both)),
    submit('delivered, thin', told('search', `${up}/thin`, thin)),
    submit('refused by its receiver', told('billing', `${up}/gone`)),
    submit('pending', told('billing', `${down}/pending?a=1`, { metadata })),
    submit('pending, thin', told('search', `${down}/thin`, thin)),
    submit('pending, large', {
      model: 'flowers',
      input: flowers(1000),
      fields: { webhook: `${down}/large` },
    }),
    submit('paused', told('search', `${paused}/hooks`)),
  ]
}

const withoutDelivery = ({ submit, origins: { up } }: Filling) => [
  submit('never frozen', { owner: 'billing', input: { i: 2 }, fields: { webhook: `${up}/late`, ...both } }),
  submit('never frozen, thin', {
    owner: 'search',
    input: { i: 2 },
    fields: { webhook: `${up}/late`, ...thin },
  }),
]

const untilFinal = ({ predictions, clients }: Filling) =>
  Promise.all([...predictions.values()].map(({ owner, id }) => clients[owner].untilFinal(id)))

/** Every one was attempted once, and the endpoint that failed for days is seen to. */
const untilAttempted = (clients: Clients, counts: Record<Owner, number>) =>
  until('the deliveries were attempted', async () => {
    const lists = await Promise.all(
      owners.map(async (owner) => (await clients[owner].get('/v1/deliveries?limit=100')).body.results),
    )
    const all: { status: string; attempts: unknown[] }[] = lists.flat()
    const isComplete = owners.every((owner, index) => lists[index].length === counts[owner])
    const arePaused = all.filter(({ status }) => status === 'paused').length === 1
    return isComplete && arePaused && all.every(({ attempts }) => attempts.length === 1)
  })
