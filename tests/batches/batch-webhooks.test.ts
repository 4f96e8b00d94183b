import { Webhook as StandardWebhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { headersOf } from '../support/receiver.ts'
import { startOneOfEach } from '../support/one-of-each.ts'
import type { OneOfEach } from '../support/one-of-each.ts'
import { createBatcher } from './batcher.ts'
import type { Batcher } from './batcher.ts'

let all: OneOfEach
let batcher: Batcher

beforeAll(async () => {
  all = await startOneOfEach()
  batcher = createBatcher(all.stack.url)
})
afterAll(() => all.close())

const toldOf = (id: string) => all.receiver.received.filter(({ body }) => body.id === id)
const untilTold = (id: string, times = 1) =>
  // none is sent before it was seen for some seconds that every process reads it
  expect.poll(() => toldOf(id).length, { timeout: 30_000 }).toBe(times)
const query = () => `?webhook=${encodeURIComponent(`${all.receiver.url}/done`)}`

test('the end of a batch is told, signed, as the batch is shown, and told again where that is asked for', async () => {
  const { body } = await batcher.submit('throws', '{"i":1}\nnonsense\n', { query: query() })
  await untilTold(body.id)

  const [webhook] = toldOf(body.id)
  const ended = await batcher.untilEnded(body.id)
  expect(webhook).toMatchObject({ path: '/done', headers: { 'onqueue-event': 'batch.completed' } })
  expect(webhook?.body).toEqual(ended)
  const { key } = (await all.stack.client.get('/v1/webhooks/default/secret')).body
  expect(() => new StandardWebhook(key).verify(webhook?.text ?? '', headersOf(webhook))).not.toThrow()

  const { body: list } = await all.stack.client.get('/v1/deliveries')
  const delivery = list.results.find(({ batch }: { batch: string }) => batch === body.id)
  expect(delivery).toMatchObject({ event: 'batch.completed', prediction: null, status: 'delivered' })
  await all.stack.client.call('POST', `/v1/deliveries/${delivery.id}/redeliver`)
  await untilTold(body.id, 2)
  const [first, second] = toldOf(body.id)
  expect(second?.text).toBe(first?.text)
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id'])
})

test('a batch that is canceled is told of, too', async () => {
  const { body } = await batcher.submit('patient', '{"n":[2000]}\n'.repeat(3), { query: query() })

  await batcher.call('POST', `/v1/batches/${body.id}/cancel`)

  await untilTold(body.id)
  expect(toldOf(body.id)[0]?.body).toMatchObject({ status: 'canceled' })
})

test.each(['ftp://127.0.0.1/', 'http://10.255.0.1/', 'nowhere'])(
  'where nothing may be sent the batch is refused: %s',
  async (url) => {
    const { status, body } = await batcher.submit('throws', '{"i":1}\n', { query: `?webhook=${url}` })

    expect(status).toBe(422)
    expect(body).toMatchObject({ code: 'invalid_input', errors: [{ pointer: '/webhook' }] })
  },
)
