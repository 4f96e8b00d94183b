import { deliveryKeys } from '@onqueue/shared'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { headersOf } from '../support/receiver.ts'
import type { Receiver } from '../support/receiver.ts'
import { readAnswers } from './read-answers.ts'
import { owners } from './record-stack.ts'
import { fixtures, startUpgrade } from './start-upgrade.ts'
import type { Upgrade } from './start-upgrade.ts'

/**
 * What clients and receivers see of an upgrade: the APIs of today start on what an old release left in Redis, then a
 * webhooks process. The tests are the steps of it, in order. docs/upgrade.md says how a fixture is made.
 */
describe.each(fixtures)('what an old release left in Redis (%s)', (fixture) => {
  let upgrade: Upgrade

  beforeAll(async () => {
    upgrade = await startUpgrade(fixture)
  })
  afterAll(() => upgrade.close())

  test('is restored as it was listed', () => {
    const expected = Object.entries(upgrade.keys).map(([key, { ttlMs, ...entry }]) => [
      key,
      ttlMs === undefined ? entry : { ...entry, ttlMs: expect.any(Number) },
    ])

    expect(upgrade.restored).toEqual(Object.fromEntries(expected))
  })

  test('reads as the old release showed it', async () => {
    const { clients, submitted, answers } = upgrade

    const today = await readAnswers(clients, new Map(Object.entries(submitted)))

    expect(today.predictions).toEqual(answers.predictions)
    expect(today.owners).toEqual(answers.owners)
    expect(today.models).toEqual(asToday(answers.models))
  })

  test('is listed as it is polled', async () => {
    const lists = await Promise.all(
      owners.map((owner) => upgrade.clients[owner].get('/v1/predictions?limit=100&include=input,output')),
    )

    const listed = lists.flatMap(({ body }) => body.results)
    const polled = Object.values(upgrade.answers.predictions).flatMap(({ prediction: { status, body } }) => {
      const { position: _, eta: __, ...rest } = Object(body)
      return status === 200 ? [rest] : []
    })
    const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1)
    expect(listed.toSorted(byId)).toEqual(polled.toSorted(byId))
  })

  test('is followed at the address that its owner was given', async () => {
    const shown = upgrade.shown('succeeded, array')
    const { pathname, search } = new URL(shown.urls.events)

    const events = await fetch(`${upgrade.clients.billing.url}${pathname}${search}`)

    expect(events.status).toBe(200)
    const data = [...(await events.text()).matchAll(/^data: (.*)$/gm)].map(([, text = '']) =>
      JSON.parse(text),
    )
    expect(data).toEqual([shown])
  })

  test('is found by its Idempotency-Key', async () => {
    const { submitAgain, shown, find } = upgrade

    const succeeded = await submitAgain('succeeded, keyed')
    const queued = await submitAgain('queued, keyed')
    const reused = await submitAgain('queued, keyed', { priority: 'high' })
    const deleted = await Promise.all([
      submitAgain('succeeded and deleted'),
      submitAgain('interrupted and deleted'),
      submitAgain('deleted'),
    ])

    expect([succeeded.status, queued.status, reused.status]).toEqual([200, 202, 422])
    expect(succeeded.body).toEqual(shown('succeeded, keyed'))
    expect(queued.body).toMatchObject({ id: find('queued, keyed').id, status: 'queued' })
    expect(queued.headers.get('idempotency-replayed')).toBe('true')
    expect(reused.body.code).toBe('idempotency_key_reused')
    expect(deleted.map(({ status, body }) => [status, body.code])).toEqual(
      [1, 2, 3].map(() => [410, 'result_expired']),
    )
  })

  test('is canceled and deleted', async () => {
    const { call, submitAgain, shown } = upgrade

    const canceled = await call('POST', 'to cancel', '/cancel')
    const final = await call('POST', 'succeeded', '/cancel')
    const deleted = [await call('DELETE', 'to delete'), await call('DELETE', 'failed')]
    const after = [
      await call('GET', 'to delete'),
      await call('GET', 'failed'),
      await submitAgain('to delete'),
    ]

    expect(canceled.body).toMatchObject({ status: 'canceled', error: { detail: 'canceled by its owner' } })
    expect(final.body).toEqual(shown('succeeded'))
    expect(deleted.map(({ status }) => status)).toEqual([204, 204])
    expect(after.map(({ status }) => status)).toEqual([404, 404, 410])
  })

  test('is delivered: what was frozen in its old bytes, what was not as it is shown, all signed', async () => {
    const { stack, receivers, deliveryOf, frozen, shown, verify, untilNothingIsUndelivered } = upgrade
    const { up, down, paused } = receivers

    await stack.startWebhooks({ ONQUEUE_WEBHOOK_SCHEDULE: '0,0.2s,0.2s' })
    await Promise.all([up.untilReceived(8), down.untilReceived(3)])
    await untilNothingIsUndelivered()

    expect(textsOf(down)).toEqual({
      [deliveryOf('pending')]: frozen('pending'),
      [deliveryOf('pending, thin')]: frozen('pending, thin'),
      [deliveryOf('pending, large')]: frozen('pending, large'),
    })
    const { input: _, output: __, ...thin } = shown('never frozen, thin')
    const bodies = Object.fromEntries(up.received.map(({ id, body }) => [id, body]))
    expect(bodies).toEqual({
      [deliveryOf('never frozen')]: shown('never frozen'),
      [deliveryOf('never frozen', 'start')]: expect.objectContaining({ status: 'processing', output: null }),
      [deliveryOf('never frozen, thin')]: thin,
      [deliveryOf('interrupted', 'start')]: shown('interrupted'),
      [deliveryOf('interrupted and canceled')]: shown('interrupted and canceled'),
      [deliveryOf('canceled')]: shown('canceled'),
      [deliveryOf('expired')]: shown('expired'),
      [deliveryOf('to cancel')]: expect.objectContaining({ status: 'canceled' }),
    })
    expect(paused.received).toEqual([])
    for (const message of [...up.received, ...down.received]) expect(() => verify(message)).not.toThrow()
  })

  test('a secret that was rotated out signs along', () => {
    const { receivers, deliveryOf, previousSecret } = upgrade

    const message = receivers.down.received.find(({ id }) => id === deliveryOf('pending'))

    expect(previousSecret('billing')).not.toBe(upgrade.answers.owners.billing.secret)
    expect(() =>
      new Webhook(previousSecret('billing')).verify(message?.text ?? '', headersOf(message)),
    ).not.toThrow()
  })

  test('is redelivered, and delivered where it was paused, in the same bytes', async () => {
    const { clients, receivers, deliveryOf, frozen, shown } = upgrade
    const { billing, search } = clients
    const { up, paused } = receivers

    await billing.call('POST', `/v1/deliveries/${deliveryOf('refused by its receiver')}/redeliver`)
    await billing.call('POST', `/v1/deliveries/${deliveryOf('delivered')}/redeliver`)
    await search.call('POST', '/v1/webhooks/endpoints/resume', { origin: paused.url })
    await Promise.all([up.untilReceived(10), paused.untilReceived(1)])

    expect(textsOf(paused)).toEqual({ [deliveryOf('paused')]: frozen('paused') })
    const texts = textsOf(up)
    expect(texts[deliveryOf('refused by its receiver')]).toBe(frozen('refused by its receiver'))
    expect(JSON.parse(texts[deliveryOf('delivered')] ?? '')).toEqual({
      ...shown('delivered'),
      webhook: { status: 'pending' },
    })
  })

  test('goes whole when its time is over', { timeout: 30_000 }, async () => {
    const { stack, find } = upgrade
    const retention = {
      ONQUEUE_RETENTION: '1s',
      ONQUEUE_RETENTION_MIN: '1s',
      ONQUEUE_WEBHOOK_FAILED_RETENTION: '1s',
      ONQUEUE_MODELS_DIR: await stack.modelsFolder([]),
    }
    // but for the one that expired in line, which is taken out when its turn comes
    const ended = [
      'succeeded',
      'succeeded, array',
      'succeeded, keyed',
      'rows failed',
      'crashed its executor',
      'delivered',
      'delivered, thin',
      'refused by its receiver',
      'pending, large',
      'paused',
      'never frozen',
      'canceled',
      'to cancel',
    ].map((name) => find(name).id)
    const isAbout = (key: string) =>
      ended.some((id) => key.includes(id.slice(-26)) && !key.includes(':claim:'))
    const left = async () => (await stack.redis.keys(`${stack.prefix}:*`)).filter(isAbout)
    const before = await left()

    await Promise.all([stack.startWorker(retention), stack.startWebhooks(retention)])

    await expect.poll(left, { timeout: 25_000, interval: 100 }).toEqual([])
    expect(before.length).toBeGreaterThan(30)
    const listings = await stack.redis.keys(`${stack.prefix}:*:index:*`)
    const listed = await Promise.all(listings.map((key) => stack.redis.zrange(key, '0', '-1')))
    expect(listed.flat().filter(isAbout)).toEqual([])
    const { bytes } = deliveryKeys(stack.prefix)
    expect(await stack.redis.mget(owners.map((owner) => bytes(owner)))).toEqual(['0', '0', '0'])
  })
})

const textsOf = ({ received }: Receiver) => Object.fromEntries(received.map(({ id, text }) => [id, text]))

/** Cards show a number of a float type as that today, and did by its bounds; and they say that batches are taken. */
const asToday = (models: unknown): unknown =>
  JSON.parse(
    JSON.stringify(models)
      .replaceAll(
        /"exclusiveMinimum":-3\.4028235677973366e\+38,"exclusiveMaximum":3\.4028235677973366e\+38/g,
        '"format":"float32"',
      )
      .replaceAll('"object":"model"', '"object":"model","takes_batches":true'),
  )
