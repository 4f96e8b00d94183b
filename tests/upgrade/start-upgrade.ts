import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { deliveryIdOf, deliveryKeys, globalKeys, modelKeys } from '@onqueue/shared'
import { Redis } from 'ioredis'
import { Webhook } from 'standardwebhooks'
import { expect, inject, vi } from 'vitest'
import { z } from 'zod'
import { headersOf, startReceiver } from '../support/receiver.ts'
import type { Received } from '../support/receiver.ts'
import { startStack } from '../support/stack.ts'
import { readRecords } from './record-files.ts'
import { openClients, recordSettings } from './record-stack.ts'
import type { Owner } from './record-stack.ts'
import { listRedis, restoreRedis, textOf } from './redis-listing.ts'

/** Those of all releases that can be upgraded from. */
export const fixtures = readdirSync(import.meta.dirname).filter((name) => /^records-\d+$/.test(name))

/**
 * Restores a fixture and starts today's APIs on it: no worker, no webhooks process yet. Receivers listen where the old
 * release sent webhooks to, also where it found none.
 */
export const startUpgrade = async (fixture: string) => {
  const prefix = `test-upgrade-${process.pid}-${fixture}`
  const [up, down, paused] = await Promise.all([startReceiver(), startReceiver(), startReceiver()])
  const places = { prefix, up: up.url, down: down.url, paused: paused.url }
  const records = await readRecords(join(import.meta.dirname, fixture), places)
  const { keys } = records.redis
  const { submitted, ...answers } = records.answers

  const redis = new Redis(inject('redisUrl'))
  await restoreRedis(redis, keys)
  const restored = await listRedis(redis, prefix)
  await redis.quit()
  const stack = await startStack({ models: [], workers: 0, prefix, environment: recordSettings })
  const clients = await openClients(stack)

  const find = (name: string) => {
    const found = submitted[name]
    if (!found) throw new Error(`${fixture} has no prediction "${name}"`)
    return found
  }
  /** A string, or a field of a hash, as the old release left it. */
  const textAt = (key: string, field = '') => {
    const entry = keys[key]
    const text =
      entry?.type === 'string' ? entry.value : entry?.type === 'hash' ? entry.value[field] : undefined
    if (text === undefined) throw new Error(`${fixture} has no ${key} ${field}`)
    return textOf(text)
  }

  return {
    stack,
    clients,
    receivers: { up, down, paused },
    /** What Redis had of the fixture before a process was started. */
    restored,
    keys,
    submitted,
    answers,
    find,
    /** A request about a prediction, by its owner. */
    call: (method: string, name: string, path = '') =>
      clients[find(name).owner].call(method, `/v1/predictions/${find(name).id}${path}`),
    submitAgain: (name: string, fields: object = {}) => {
      const { owner, model, body, headers } = find(name)
      return clients[owner].call('POST', `/v1/models/${model}/predictions`, { ...body, ...fields }, headers)
    },
    untilFinal: (name: string) => clients[find(name).owner].untilFinal(find(name).id),
    /** The prediction as the old release showed it. */
    shown: (name: string) => shownSchema.parse(answers.predictions[name]?.prediction.body),
    /** The webhook about its end in the bytes that the old release froze. */
    frozen: (name: string) => textAt(deliveryKeys(prefix).body(deliveryIdOf(find(name).id, 'completed'))),
    deliveryOf: (name: string, event: 'start' | 'completed' = 'completed') =>
      deliveryIdOf(find(name).id, event),
    /** Throws for a webhook that does not verify with the secret that the old release showed its owner. */
    verify: (message: Received) => {
      const about = Object.values(submitted).find(({ id }) => id === message.body.id)
      if (!about) throw new Error(`${message.body.id} is not of ${fixture}`)
      return new Webhook(answers.owners[about.owner].secret).verify(message.text, headersOf(message))
    },
    previousSecret: (owner: Owner) => textAt(globalKeys(prefix).webhookSecrets(owner), 'previous'),
    /** Of the definition that a prediction was made for. */
    digestOf: (name: string) => {
      const { id, model } = find(name)
      return jobSchema.parse(JSON.parse(textAt(modelKeys(prefix, model).queue(id), 'data'))).digest
    },
    /** Every message is made, and none needs its prediction any more. */
    untilNothingIsUndelivered: () =>
      vi.waitFor(
        async () => {
          const { undelivered } = modelKeys(prefix, '*')
          expect(await stack.redis.keys(undelivered)).toEqual([])
        },
        { timeout: 10_000, interval: 20 },
      ),
    close: async () => {
      await stack.close()
      await Promise.all([up, down, paused].map((receiver) => receiver.close()))
    },
  }
}

export type Upgrade = Awaited<ReturnType<typeof startUpgrade>>

const jobSchema = z.object({ digest: z.string() })
const shownSchema = z.looseObject({ id: z.string(), urls: z.looseObject({ events: z.string() }) })
