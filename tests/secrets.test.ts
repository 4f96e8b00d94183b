import { globalKeys } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createClient } from './support/client.ts'
import { shippedModel, startStack } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

const secret = 'a secret of sixteen'
const older = 'the secret before it'
const iris = { features: [5.1, 3.5, 1.4, 0.2] }
const secretPath = '/v1/webhooks/default/secret'
/** A new kind of record waits for 8 s in which all that live can read it. */
const patience = { timeout: 30_000, interval: 200 }

const storedOf = (stack: Stack, owner = 'anonymous') =>
  stack.redis.hget(globalKeys(stack.prefix).webhookSecrets(owner), 'current')

describe('with ONQUEUE_SECRET', () => {
  let stack: Stack

  beforeAll(async () => {
    stack = await startStack({ models: [], workers: 0, environment: { ONQUEUE_SECRET: secret } })
    // as the release before left it, of an owner who is never seen again
    await stack.redis.hset(globalKeys(stack.prefix).webhookSecrets('search'), { current: 'whsec_c2VjcmV0' })
    await stack.startWebhooks()
  })
  afterAll(() => stack.close())

  test('webhook secrets are encrypted in Redis, also those that nobody reads', async () => {
    const { body } = await stack.client.get(secretPath)

    await expect.poll(() => storedOf(stack, 'search'), patience).toMatch(/^sealed:/)
    await expect.poll(() => storedOf(stack), patience).toMatch(/^sealed:/)
    expect((await stack.client.get(secretPath)).body.key).toBe(body.key)
  })

  test('they are in clear for as long as a process of the release before is there', async () => {
    const { body } = await stack.client.get(secretPath)
    await expect.poll(() => storedOf(stack, 'search'), patience).toMatch(/^sealed:/)
    // it listens as every API does, and leaves no heartbeat
    const before = new Redis(stack.redisUrl)
    onTestFinished(() => before.disconnect())
    await before.subscribe(globalKeys(stack.prefix).cardChanges)

    await expect.poll(() => storedOf(stack), patience).toBe(body.key)
    await expect.poll(() => storedOf(stack, 'search'), patience).toBe('whsec_c2VjcmV0')

    before.disconnect()
    await expect.poll(() => storedOf(stack), patience).toMatch(/^sealed:/)
    expect((await stack.client.get(secretPath)).body.key).toBe(body.key)
  })

  test('a process with another secret says which setting is wrong, and makes no new one', async () => {
    const { body } = await stack.client.get(secretPath)
    await expect.poll(() => storedOf(stack), patience).toMatch(/^sealed:/)
    const stored = await storedOf(stack)
    const api = await stack.startApi({ ONQUEUE_SECRET: older })

    const answer = await createClient(api.url).get(secretPath)
    const rotated = await createClient(api.url).call('POST', `${secretPath}/rotate`)

    expect([answer.status, rotated.status]).toEqual([500, 500])
    expect(answer.text).not.toContain('sealed')
    expect(api.log()).toMatch(/ONQUEUE_SECRET_PREVIOUS/)
    expect([stored, body.key]).toContain(await storedOf(stack))
    await api.stop()
  })
})

test('without ONQUEUE_SECRET the start says that webhook secrets are in clear', async () => {
  const stack = await startStack({ models: [], workers: 0 })
  onTestFinished(() => stack.close())
  const webhooks = await stack.startWebhooks()

  const { body } = await stack.client.get(secretPath)

  expect(await storedOf(stack)).toBe(body.key)
  for (const process of [stack.api, webhooks])
    expect(process.log()).toMatch(/in clear in Redis: set ONQUEUE_SECRET/)
})

test('a change of the secret keeps idempotency keys, links to events and webhook secrets good', async () => {
  const stack = await startStack({
    models: [shippedModel('iris')],
    environment: { ONQUEUE_SECRET: older },
  })
  onTestFinished(() => stack.close())
  const submit = (client = stack.client) =>
    client.submit('iris', iris, {}, { 'idempotency-key': 'order-1', prefer: 'wait=20' })
  const first = await submit()
  const { body: owned } = await stack.client.get(secretPath)
  const formOf = async (client = stack.client) => {
    await client.get(secretPath)
    return (await storedOf(stack))?.split(':').slice(0, 2).join(':')
  }
  await expect.poll(() => formOf(), patience).toMatch(/^sealed:/)
  const sealed = await formOf()
  await stack.api.stop()

  const changed = await stack.startApi({ ONQUEUE_SECRET: secret, ONQUEUE_SECRET_PREVIOUS: older })
  const client = createClient(changed.url)
  const again = await submit(client)
  const { pathname, search } = new URL(first.body.urls.events)
  const events = await fetch(`${changed.url}${pathname}${search}`)

  expect([first.status, again.status]).toEqual([201, 200])
  expect(again.body.id).toBe(first.body.id)
  expect([events.status, await events.text()]).toEqual([200, expect.stringContaining('succeeded')])
  expect((await client.get(secretPath)).body.key).toBe(owned.key)
  // and it is encrypted anew, so that the one before can go
  await expect.poll(() => formOf(client), patience).not.toBe(sealed)
  await changed.stop()
  const after = await stack.startApi({ ONQUEUE_SECRET: secret })
  expect((await createClient(after.url).get(secretPath)).body.key).toBe(owned.key)
})
