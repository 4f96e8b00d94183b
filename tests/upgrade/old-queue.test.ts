import { modelKeys } from '@onqueue/shared'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readMetric } from '../support/metrics.ts'
import type { Receiver } from '../support/receiver.ts'
import type { Stack, StackProcess } from '../support/stack.ts'
import { readAnswers } from './read-answers.ts'
import type { Answers } from './read-answers.ts'
import { owners } from './record-stack.ts'
import { fixtures, startUpgrade } from './start-upgrade.ts'
import type { Upgrade } from './start-upgrade.ts'

/**
 * What becomes, after an upgrade, of predictions that an old release took in: all processes of today start on what it left
 * in Redis. The tests are in order.
 */
describe.each(fixtures)('what an old release left to do (%s)', (fixture) => {
  let upgrade: Upgrade
  let worker: StackProcess

  beforeAll(async () => {
    upgrade = await startUpgrade(fixture)
    await leaveOut(upgrade, 'queued, low', 'inputBytes')
    const [started] = await Promise.all([
      upgrade.stack.startWorker(),
      upgrade.stack.startWebhooks({ ONQUEUE_WEBHOOK_SCHEDULE: '0,0.2s,0.2s' }),
    ])
    worker = started
  })
  afterAll(() => upgrade.close())

  test('runs, whether it was queued, interrupted, sent back or only claimed', async () => {
    const { clients, find, untilFinal, submitAgain, digestOf } = upgrade
    await clients.anonymous.untilReady(5)
    const { body: models } = await clients.anonymous.get('/v1/models')
    const digests = models.results.flatMap((card: { versions: { digest: string }[] }) =>
      card.versions.map(({ digest }) => digest),
    )
    for (const name of ['queued', 'queued, large', 'interrupted', 'sent back']) {
      expect(digests, otherModels).toContain(digestOf(name))
    }

    const takenOver = await submitAgain('claimed, never added')
    const ended = await Promise.all(
      Object.keys(outputs).map(async (name) => [name, (await untilFinal(name)).body] as const),
    )
    const large = await untilFinal('queued, large')

    expect([takenOver.status, takenOver.body.id]).toEqual([202, find('claimed, never added').id])
    expect(ended.map(([name, { status, error, output }]) => [name, status, error, output])).toEqual(
      Object.entries(outputs).map(([name, output]) => [name, 'succeeded', null, output]),
    )
    const species = large.body.output.map(({ prediction }: { prediction: string }) => prediction)
    expect(species).toEqual(Array.from({ length: 500 }, () => 'the wild flag setosa'))
  })

  test('runs once, and what had ended never', async () => {
    const { clients, submitted, answers, stack } = upgrade

    const today = await readAnswers(clients, new Map(Object.entries(submitted)))

    const ended = Object.keys(submitted).filter((name) => isFinal(answers.predictions[name]))
    expect(ended.map((name) => withoutWebhook(today.predictions[name]))).toEqual(
      ended.map((name) => withoutWebhook(answers.predictions[name])),
    )
    const rows = await Promise.all(
      ['throws', 'slow', 'flowers', 'moved', 'crashes'].map(async (model) => [
        model,
        await readMetric(worker, 'onqueue_micro_batch_rows_sum', { model }),
      ]),
    )
    expect(Object.fromEntries(rows)).toEqual({ throws: 13, slow: 2, flowers: 500, moved: 1, crashes: 0 })
    await vi.waitFor(async () => expect(await jobsLeft(stack)).toEqual([]), 10_000)
  })

  test('is told of once', async () => {
    const { clients, receivers, deliveryOf, verify, untilNothingIsUndelivered } = upgrade
    const { up, down, paused } = receivers

    await Promise.all([up.untilReceived(12), down.untilReceived(3)])
    await untilNothingIsUndelivered()

    const pending = await Promise.all(
      owners.map((owner) => clients[owner].get('/v1/deliveries?status=pending')),
    )
    expect(pending.map(({ body }) => body.results)).toEqual([[], [], []])
    const idsAt = ({ received }: Receiver) => received.map(({ id }) => id).sort()
    expect(idsAt(up)).toEqual(
      [
        deliveryOf('never frozen', 'start'),
        deliveryOf('never frozen'),
        deliveryOf('never frozen, thin'),
        deliveryOf('interrupted', 'start'),
        deliveryOf('interrupted'),
        deliveryOf('interrupted and canceled'),
        deliveryOf('queued, webhook', 'start'),
        deliveryOf('queued, webhook'),
        deliveryOf('queued, thin'),
        deliveryOf('to cancel'),
        deliveryOf('canceled'),
        deliveryOf('expired'),
      ].sort(),
    )
    expect(idsAt(down)).toEqual(
      [deliveryOf('pending'), deliveryOf('pending, thin'), deliveryOf('pending, large')].sort(),
    )
    expect(idsAt(paused)).toEqual([])
    for (const message of [...up.received, ...down.received]) expect(() => verify(message)).not.toThrow()
  })
})

const outputs = {
  queued: { value: 40 },
  'queued, high': { value: 50 },
  'queued, low': { value: 60 },
  'queued, deadline': { value: 70 },
  'queued, array': [{ value: 10 }, { value: 20 }, { value: 30 }],
  'queued, keyed': { value: 80 },
  'queued, webhook': { value: 90 },
  'queued, thin': { value: 90 },
  'claimed, never added': { value: 30 },
  'sent back': { value: 50 },
  'to cancel': { value: 0 },
  'to delete': { value: 0 },
  interrupted: { y: 1500 },
  'interrupted before it ran': { y: 1 },
}

const otherModels =
  'no worker has the version that a prediction of the old release was made for: put tests/upgrade/models back as it was, ' +
  'or, if it is the formula of the digest that changed, have jobs with digests of the old one taken as well'

const isFinal = (answer: Answers['predictions'][string] | undefined) =>
  answer?.prediction.status === 200 && Object(answer.prediction.body).completed_at !== null

/** How its delivery stands is the one thing that changes about a prediction that has ended. */
const withoutWebhook = (answer: Answers['predictions'][string] | undefined) => {
  const { webhook: _, ...prediction } = Object(answer?.prediction.body)
  return prediction
}

/** Has a job as it would be without a field for which today's schema has a default. */
const leaveOut = async ({ stack, find }: Upgrade, name: string, field: string) => {
  const { id, model } = find(name)
  const key = modelKeys(stack.prefix, model).queue(id)
  const { [field]: known, ...rest } = JSON.parse((await stack.redis.hget(key, 'data')) ?? '{}')
  if (known === undefined) throw new Error(`"${name}" has no ${field}`)
  await stack.redis.hset(key, 'data', JSON.stringify(rest))
}

/** Names of the queues in which a job waits or is under way. */
const jobsLeft = async ({ redis, prefix }: Stack) => {
  const states = ['wait', 'active', 'prioritized', 'delayed']
  const keys = await redis.keys(modelKeys(prefix, '*').queue('*'))
  return keys.filter((key) => states.some((state) => key.endsWith(`:predictions:${state}`)))
}
