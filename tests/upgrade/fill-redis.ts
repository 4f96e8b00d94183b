import { readdir } from 'node:fs/promises'
import { deliveryKeys } from '@onqueue/shared'
import { startReceiver } from '../support/receiver.ts'
import type { Stack } from '../support/stack.ts'
import { createSubmit } from './filling.ts'
import type { Submitted } from './filling.ts'
import { finishSome } from './finish-some.ts'
import { haveOneSentBack, interruptSome, leaveClaim, queueSome } from './leave-some.ts'
import { openClients, recordSettings } from './record-stack.ts'
import type { Clients, Origins } from './record-stack.ts'
import type { Listing } from './redis-listing.ts'
import { until } from './until.ts'

/**
 * Has a stack, of whatever release, leave records of every kind in every state in Redis: through its HTTP API, and by
 * stopping and killing its processes. That is what an upgrade finds.
 */
export type Filled = {
  /** by the name under which tests ask for them */
  predictions: Map<string, Submitted>
  clients: Clients
  /** nothing listens there any more */
  origins: Origins
  /** the keys that live no longer than their process, from when a worker had predictions in hand */
  shortLived: Listing
  /** what was published meanwhile */
  messages: Message[]
}

export type Message = { channel: string; message: string }

export const fillRedis = async (stack: Stack): Promise<Filled> => {
  const { messages, stopListening } = await listenToMessages(stack)
  const { origins, closeReceiver } = await openOrigins()
  const clients = await openClients(stack)
  const predictions = new Map<string, Submitted>()
  const filling = { stack, clients, origins, predictions, submit: createSubmit(clients, predictions) }
  await failForDays(stack, `search ${origins.paused}`)

  const [webhooks, worker] = await Promise.all([
    stack.startWebhooks({ ONQUEUE_WEBHOOK_SCHEDULE: '0,20s' }),
    stack.startWorker(),
  ])
  await untilLoaded(stack)
  await finishSome(filling, webhooks)
  const shortLived = await interruptSome(filling, worker)
  await haveOneSentBack(filling)
  await queueSome(filling)
  await leaveClaim(filling)

  await closeReceiver()
  await stopListening()
  return { predictions, clients, origins, shortLived, messages }
}

/** All but those that are refused. */
const untilLoaded = async ({ client }: Stack) => {
  const models = await readdir(recordSettings.ONQUEUE_MODELS_DIR)
  await until('the models are loaded', async () => {
    const { body } = await client.get('/v1/models')
    const loaded = body.results.filter(({ status }: { status: string }) => /^(ready|refused)$/.test(status))
    return loaded.length === models.length
  })
}

const listenToMessages = async ({ redis, prefix }: Stack) => {
  const messages: Message[] = []
  const subscriber = redis.duplicate()
  subscriber.on('pmessage', (_pattern, channel, message) => messages.push({ channel, message }))
  await subscriber.psubscribe(`${prefix}:*`)
  return { messages, stopListening: () => subscriber.quit() }
}

/** A receiver that refuses for good what is sent to `/gone`, and two places that it has left. */
const openOrigins = async () => {
  const [receiver, ...left] = await Promise.all([
    startReceiver((response, { path }) => response.writeHead(path === '/gone' ? 410 : 200).end()),
    startReceiver(),
    startReceiver(),
  ])
  await Promise.all(left.map((one) => one.close()))
  const [down, paused] = left
  return { origins: { up: receiver.url, down: down.url, paused: paused.url }, closeReceiver: receiver.close }
}

/** The next failure of an endpoint that stands like this pauses it. */
const failForDays = ({ redis, prefix }: Stack, endpoint: string) =>
  redis.hset(deliveryKeys(prefix).endpoint(endpoint), {
    failingSince: Date.now() - 6 * 24 * 3_600_000,
    failures: 20,
  })
