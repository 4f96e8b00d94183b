import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { expect, inject, onTestFinished, test } from 'vitest'
import { createSeals } from '../ids/sealed-text.ts'
import type { ReadState } from './live-processes.ts'
import { globalKeys } from '../redis/names.ts'
import { createSecretForms } from './secret-forms.ts'
import { createWebhookSecrets, signingKeysOf } from './webhook-secrets.ts'

const hourMs = 3_600_000
const secret = 'a secret of sixteen'
const older = 'the secret before it'

/** As a process keeps them with these settings, where all others read what it does, or as given. */
const formsOf = (
  { current, previous }: { current?: string; previous?: string },
  stateOf: (form: string) => ReadState = () => 'yes',
) => createSecretForms(createSeals({ current, previous }), stateOf)

/** Stores as two processes have them: each with its own connection, both with the same Redis and clock. */
const startStores = (forms = formsOf({})) => {
  const namespace = `test-${randomUUID()}`
  const time = { now: Date.parse('2026-03-01T00:00:00Z') }
  const clock = () => time.now
  const connections = [new Redis(inject('redisUrl')), new Redis(inject('redisUrl'))] as const
  onTestFinished(async () => {
    const [redis] = connections
    await redis.del(['alice', 'bob'].map(globalKeys(namespace).webhookSecrets))
    for (const connection of connections) connection.disconnect()
  })
  const [here, there] = connections
  const lost: string[] = []
  return {
    lost,
    redis: here,
    namespace,
    time,
    secrets: createWebhookSecrets({
      redis: here,
      namespace,
      clock,
      forms,
      onLost: (owner) => lost.push(owner),
    }),
    elsewhere: createWebhookSecrets({ redis: there, namespace, clock, forms }),
  }
}

test('the first read makes a secret, and every other read gets the same', async () => {
  const { secrets, elsewhere } = startStores()

  const first = await secrets.read('alice')

  expect(first.current).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
  expect(first.previous).toBeNull()
  expect(await elsewhere.read('alice')).toEqual(first)
})

test('an owner has a secret of its own', async () => {
  const { secrets } = startStores()

  expect((await secrets.read('alice')).current).not.toBe((await secrets.read('bob')).current)
})

test('all that read first at the same time get the same secret', async () => {
  const { secrets, elsewhere } = startStores()

  // on one connection all of them look before the first one writes
  const read = await Promise.all(
    Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? secrets : elsewhere).read('alice')),
  )

  expect(new Set(read.map(({ current }) => current)).size).toBe(1)
})

test('after a rotation the secret before signs along for 24 hours', async () => {
  const { secrets, elsewhere, time } = startStores()
  const { current: old } = await secrets.read('alice')

  const rotated = await secrets.rotate('alice')
  const until = time.now + 24 * hourMs

  expect(rotated.current).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
  expect(rotated.current).not.toBe(old)
  expect(rotated.previous).toEqual({ key: old, until })
  time.now = until - 1
  expect(await elsewhere.read('alice')).toEqual(rotated)
  time.now = until
  expect(await elsewhere.read('alice')).toEqual({ current: rotated.current, previous: null })
})

test('two rotations one after the other leave the last two secrets valid', async () => {
  const { secrets, time } = startStores()
  await secrets.read('alice')
  const { current: second } = await secrets.rotate('alice')
  time.now += hourMs

  const last = await secrets.rotate('alice')

  expect(last.previous).toEqual({ key: second, until: time.now + 24 * hourMs })
  expect(await secrets.read('alice')).toEqual(last)
})

test('rotations at the same time are one: the secret that receivers know stays valid', async () => {
  const { secrets, time } = startStores()
  const { current: old } = await secrets.read('alice')

  // on one connection all of them look before the first one rotates
  const rotated = await Promise.all([
    secrets.rotate('alice'),
    secrets.rotate('alice'),
    secrets.rotate('alice'),
  ])

  expect(new Set(rotated.map(({ current }) => current)).size).toBe(1)
  expect(rotated[0].current).not.toBe(old)
  expect(await secrets.read('alice')).toEqual({
    current: rotated[0].current,
    previous: { key: old, until: time.now + 24 * hourMs },
  })
})

test('however rotations and reads of two processes interleave, a secret comes with the one before it', async () => {
  const { secrets, elsewhere } = startStores()
  const before = await secrets.read('alice')
  const seen = [before]
  const alternate = async (store: typeof secrets) => {
    for (let round = 0; round < 50; round++) {
      seen.push(await store.rotate('alice'))
      seen.push(await store.read('alice'))
    }
  }

  await Promise.all([alternate(secrets), alternate(elsewhere)])

  const known = new Set(seen.map(({ current }) => current))
  const previousOf = Map.groupBy(seen.slice(1), ({ current }) => current)
  expect(known.size).toBeGreaterThan(50)
  for (const states of previousOf.values()) {
    const keys = new Set(states.map(({ previous }) => previous?.key))
    const [key] = keys
    expect(keys.size).toBe(1)
    expect(key !== undefined && known.has(key)).toBe(true)
  }
})

test('a rotation before the first read makes the first secret', async () => {
  const { secrets } = startStores()

  const rotated = await secrets.rotate('alice')

  expect(rotated.previous).toBeNull()
  expect(await secrets.read('alice')).toEqual(rotated)
})

test('a stored secret that can not be read is an error that does not tell it', async () => {
  const { secrets, redis, namespace } = startStores()
  await redis.hset(globalKeys(namespace).webhookSecrets('alice'), 'current', 'damaged-secret')

  const err: unknown = await secrets.read('alice').catch((reason: unknown) => reason)

  expect(err).toBeInstanceOf(Error)
  expect(String(err)).not.toContain('damaged-secret')
})

test('one signs with the current secret, and with the previous one until its time is over', () => {
  const rotated = { current: 'whsec_new', previous: { key: 'whsec_old', until: 1000 } }

  expect(signingKeysOf(rotated, 999)).toEqual(['whsec_new', 'whsec_old'])
  expect(signingKeysOf(rotated, 1000)).toEqual(['whsec_new'])
  expect(signingKeysOf({ current: 'whsec_new', previous: null }, 0)).toEqual(['whsec_new'])
})

test('secrets that Redis has lost are made new once, and who had seen them is told once', async () => {
  const { redis, namespace, secrets, elsewhere, lost } = startStores()
  const { current: old } = await secrets.read('alice')
  await secrets.read('bob')
  await redis.del(globalKeys(namespace).webhookSecrets('alice'))

  // somebody who had not seen them makes the new ones
  const { current: fresh } = await elsewhere.read('alice')
  const read = [await secrets.read('alice'), await secrets.read('alice'), await elsewhere.read('alice')]

  expect(fresh).not.toBe(old)
  expect(read.map(({ current }) => current)).toEqual([fresh, fresh, fresh])
  expect(lost).toEqual(['alice'])
})

test('a rotation elsewhere is no loss', async () => {
  const { secrets, elsewhere, lost } = startStores()
  await secrets.read('alice')

  await elsewhere.rotate('alice')
  await elsewhere.rotate('alice')
  await secrets.read('alice')

  expect(lost).toEqual([])
})

/** Stores with a secret configured, and what is stored in Redis for alice. */
const startSealed = (settings = { current: secret }) => {
  const stores = startStores(formsOf(settings))
  const key = globalKeys(stores.namespace).webhookSecrets('alice')
  const storeOf = (...options: Parameters<typeof formsOf>) =>
    createWebhookSecrets({ ...stores, clock: () => stores.time.now, forms: formsOf(...options) })
  return { ...stores, key, storeOf, readStored: () => stores.redis.hmget(key, 'current', 'previous') }
}

test('where a secret is configured, secrets are encrypted in Redis, also through a rotation', async () => {
  const { secrets, readStored } = startSealed()

  const { current: old } = await secrets.read('alice')
  const rotated = await secrets.rotate('alice')

  expect(rotated.previous?.key).toBe(old)
  expect(await secrets.read('alice')).toEqual(rotated)
  expect(await readStored()).toEqual([expect.stringMatching(/^sealed:/), expect.stringMatching(/^sealed:/)])
})

test('secrets that are in clear stay what they are and are encrypted when they are read', async () => {
  const { storeOf, secrets, readStored } = startSealed()
  const plain = storeOf({})
  await plain.read('alice')
  const before = await plain.rotate('alice')

  expect(await secrets.read('alice')).toEqual(before)

  expect(await readStored()).toEqual([expect.stringMatching(/^sealed:/), expect.stringMatching(/^sealed:/)])
  expect(await secrets.read('alice')).toEqual(before)
})

test('while a process is there that reads them in clear only, they are in clear', async () => {
  const { secrets, storeOf, readStored } = startSealed()
  const before = await secrets.read('alice')
  const beside = storeOf({ current: secret }, () => 'no')

  expect(await beside.read('alice')).toEqual(before)

  expect(await readStored()).toEqual([before.current, null])
  expect(await storeOf({}).read('alice')).toEqual(before)
})

test('while it is not known who is there, what is encrypted stays so and new ones are in clear', async () => {
  const { secrets, storeOf, redis, namespace, readStored } = startSealed()
  const before = await secrets.read('alice')
  const starting = storeOf({ current: secret }, () => 'unknown')

  expect(await starting.read('alice')).toEqual(before)
  const { current } = await starting.read('bob')

  expect(await readStored()).toEqual([expect.stringMatching(/^sealed:/), null])
  expect(await redis.hget(globalKeys(namespace).webhookSecrets('bob'), 'current')).toBe(current)
})

test('after the secret of the server was changed, the one before it reads them and they are encrypted anew', async () => {
  const { storeOf } = startSealed()
  const before = await storeOf({ current: older }).read('alice')

  expect(await storeOf({ current: secret, previous: older }).read('alice')).toEqual(before)

  expect(await storeOf({ current: secret }).read('alice')).toEqual(before)
  await expect(storeOf({ current: older }).read('alice')).rejects.toThrow(/ONQUEUE_SECRET/)
})

test.each([
  ['no secret', {}, /ONQUEUE_SECRET is not set/],
  ['another secret', { current: older }, /ONQUEUE_SECRET_PREVIOUS/],
])(
  'with %s configured it is an error that names the setting, and no new secret',
  async (_, settings, message) => {
    const { secrets, storeOf, readStored } = startSealed()
    await secrets.read('alice')
    const stored = await readStored()
    const wrong = storeOf(settings)

    await expect(wrong.read('alice')).rejects.toThrow(message)
    await expect(wrong.rotate('alice')).rejects.toThrow(message)
    await expect(wrong.bring('alice')).rejects.toThrow(message)

    expect(await readStored()).toEqual(stored)
  },
)

test('the secret of one owner in the place of another is an error', async () => {
  const { secrets, redis, namespace, key } = startSealed()
  await secrets.read('alice')
  await redis.copy(key, globalKeys(namespace).webhookSecrets('bob'))

  await expect(secrets.read('bob')).rejects.toThrow(/changed or moved/)
})

test('bringing makes no secret where there is none', async () => {
  const { secrets, redis, key } = startSealed()

  await secrets.bring('alice')

  expect(await redis.exists(key)).toBe(0)
})

test('rotations while secrets are brought into another form make new ones each', async () => {
  const { secrets, storeOf } = startSealed()
  await secrets.read('alice')
  const beside = storeOf({ current: secret }, () => 'no')

  for (let round = 0; round < 30; round += 1) {
    const { current: before } = await secrets.read('alice')
    const [rotated] = await Promise.all([secrets.rotate('alice'), beside.bring('alice')])
    expect(rotated.current).not.toBe(before)
    expect(rotated.previous?.key).toBe(before)
  }
})
