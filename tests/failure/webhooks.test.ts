import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { modelKeys, modelPrefix, queueName } from '@onqueue/shared'
import { UnrecoverableError, Worker } from 'bullmq'
import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { startTestRedis } from '../../scripts/redis/start-test-redis.ts'
import { countPacks, form, formSettings, leastPacked, submitInForm, untilPacked } from '../support/forms.ts'
import { inFull } from '../support/in-full.ts'
import { inParallel } from '../support/in-parallel.ts'
import { seededRandom } from '../support/random.ts'
import { headersOf, loopbackWebhooks, startReceiver } from '../support/receiver.ts'
import type { Received } from '../support/receiver.ts'
import { startStack, testModel } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'

const count = inFull(1000, 200)
const kills = inFull(10, 4)
const workerKills = inFull(30, 8)
/** Since the last kill, until the last webhook has arrived: jobs of a killed worker alone take 20 s. */
const patienceMs = 240_000
const seed = Number(process.env['ONQUEUE_CHAOS_SEED'] ?? Date.now() % 1_000_000)

/** What a receiver knows of one delivery id: the only witness of what arrived. */
type LedgerEntry = { predictionId: string; status: string; accepted: number; texts: Set<string> }

/** Answers at random with what receivers do wrong, and notes what it accepted. */
const createLedger = (random: () => number) => {
  const entries = new Map<string, LedgerEntry>()
  const answer = (response: ServerResponse, { id, text, body }: Received) => {
    const entry = entries.get(id) ?? {
      predictionId: body.id,
      status: body.status,
      accepted: 0,
      texts: new Set(),
    }
    entries.set(id, entry)
    entry.texts.add(text)
    const dice = random()
    if (dice < 0.1) return response.writeHead(500).end()
    if (dice < 0.12) return response.destroy()
    // never answered: times out
    if (dice < 0.125) return undefined
    if (dice < 0.135) return response.writeHead(429, { 'retry-after': '1' }).end()
    entry.accepted += 1
    return response.writeHead(200).end()
  }
  return { entries, answer }
}

/** Kills one of the processes at a time, and starts another in its place. */
const killAgainAndAgain = async (
  stack: Stack,
  redis: { restart: () => Promise<void> },
  { random, times }: { random: () => number; times: number },
) => {
  const running = {
    worker: [...stack.workers],
    webhooks: [await stack.startWebhooks(), await stack.startWebhooks()],
  }
  const replace = async (processes: StackProcess[], start: () => Promise<StackProcess>) => {
    const [victim] = processes.splice(Math.floor(random() * processes.length), 1)
    await victim?.stop('SIGKILL')
    processes.push(await start())
  }
  const killed = { worker: 0, webhooks: 0, redis: 0 }
  for (let kill = 0; kill < times; kill += 1) {
    const dice = random()
    if (dice < 0.2) {
      killed.redis += 1
      await redis.restart()
    } else if (dice < 0.5) {
      killed.worker += 1
      await replace(running.worker, () => stack.startWorker())
    } else {
      killed.webhooks += 1
      await replace(running.webhooks, () => stack.startWebhooks())
    }
  }
  return killed
}

/** Submits until it is accepted: what is refused while Redis is away is the caller's to repeat, under the same key. */
const submitForSure = async (stack: Stack, index: number, webhook: string) => {
  const kind = index % 20
  const input = { i: kind === 1 ? 99 : 1 + (index % 3) }
  const headers = {
    'idempotency-key': `chaos-${index}`,
    ...(kind === 2 ? { 'cancel-after': '0.05' } : {}),
  }
  const submit = async () => {
    for (;;) {
      const answer = await stack.client.submit('throws', input, { webhook }, headers)
      if (answer.status < 300) return String(answer.body.id)
      if (![429, 503].includes(answer.status)) throw new Error(`${answer.status}: ${answer.text}`)
    }
  }
  const id = await submit()
  if (kind === 3) await stack.client.call('POST', `/v1/predictions/${id}/cancel`)
  if (kind === 4) expect(await submit()).toBe(id)
  return id
}

test(
  `${count} webhooks arrive through ${kills} kills of workers, webhooks processes and Redis`,
  { timeout: 600_000 },
  async () => {
    const random = seededRandom(seed)
    const { entries, answer } = createLedger(random)
    const redis = await startTestRedis({ appendonly: true, maxmemoryBytes: 512 * 1024 * 1024 })
    const receivers = await Promise.all([1, 2, 3, 4].map(() => startReceiver(answer)))
    const stack = await startStack({
      models: [testModel('throws')],
      workers: 2,
      redisUrl: redis.url,
      environment: {
        ...loopbackWebhooks,
        ...formSettings(),
        ONQUEUE_WEBHOOK_TIMEOUT: '1s',
        ONQUEUE_WEBHOOK_SCHEDULE: `0,0.1s,0.2s,0.5s${',1s'.repeat(40)}`,
        LOG_LEVEL: 'error',
      },
    })
    try {
      await untilPacked(stack)
      const packsBefore = await countPacks(stack, 'throws')
      const killing = killAgainAndAgain(stack, redis, { random, times: kills })
      const ids = await inParallel(count, 32, (index) =>
        submitForSure(stack, index, `${receivers[index % receivers.length]?.url}/hooks`),
      )
      const killed = await killing
      const accepted = () =>
        new Set([...entries.values()].flatMap((entry) => (entry.accepted > 0 ? [entry.predictionId] : [])))
      const missing = () => ids.filter((id) => !accepted().has(id))
      await expect
        .poll(() => missing().length, { timeout: patienceMs, interval: 250 })
        .toBe(0)
        .catch(async (err: unknown) => {
          const stuck = await Promise.all(
            missing()
              .slice(0, 3)
              .map(async (id) => [
                (await stack.client.get(`/v1/predictions/${id}`)).text,
                (await stack.client.get(`/v1/predictions/${id}/deliveries`)).text,
              ]),
          )
          console.log({ seed, missing: missing().length, stuck })
          throw err
        })

      const all = [...entries.values()]
      const statuses = Object.fromEntries(
        Object.entries(Object.groupBy(all, ({ status }) => status)).map(([status, group]) => [
          status,
          group?.length ?? 0,
        ]),
      )
      const packs = (await countPacks(stack, 'throws')) - packsBefore
      const repeated = all.filter((entry) => entry.accepted > 1).length
      console.log({
        seed,
        count,
        killed,
        missing: missing().length,
        acceptedTwiceOrMore: repeated,
        packs,
        ...statuses,
      })
      expect(packs > 0).toBe(form === 'packed')
      expect(new Set(ids).size).toBe(count)
      expect(all.length).toBe(count)
      expect(all.filter(({ texts }) => texts.size !== 1)).toEqual([])
      const { key } = (await stack.client.get('/v1/webhooks/default/secret')).body
      const verifier = new Webhook(key)
      for (const one of receivers.flatMap(({ received }) => received)) {
        const sentAt = new Date(1000 * Number(headersOf(one)['webhook-timestamp']))
        // as it was when it came: all of this may have taken longer than a signature is good for
        expect(Math.abs(one.at - sentAt.getTime())).toBeLessThan(60_000)
        expect(headersOf(one)['webhook-signature']).toBe(verifier.sign(one.id, sentAt, one.text))
      }
      await expect
        .poll(async () => (await stack.client.get('/v1/deliveries?status=pending')).body.results, {
          timeout: 60_000,
        })
        .toEqual([])
    } finally {
      await stack.close()
      await Promise.all(receivers.map((receiver) => receiver.close()))
      await redis.close()
    }
  },
)

test('a prediction whose workers were lost for good is told of once, as failed', async () => {
  const stack = await startStack({ models: [testModel('throws')], environment: loopbackWebhooks })
  const { url, received, untilReceived, close } = await startReceiver()
  try {
    await Promise.all(stack.workers.map((worker) => worker.stop()))
    const asked = [{ input: { i: 1 }, webhook: url }]
    const { ids } = await submitInForm(stack, 'throws', asked, { companion: { i: 1 } })
    // what BullMQ does when the job stalled too often
    const loser = new Worker(
      queueName,
      () => Promise.reject(new UnrecoverableError('job stalled more than allowable limit')),
      { connection: stack.redis, prefix: modelPrefix(stack.prefix, 'throws') },
    )
    await once(loser, 'failed')
    await loser.close()

    await stack.startWebhooks()
    await stack.startWorker()
    await untilReceived(1)

    expect(received[0]?.body).toMatchObject({ id: ids[0], status: 'failed', error: { code: 'worker_lost' } })
    const { body: log } = await stack.client.get(`/v1/predictions/${ids[0]}/deliveries`)
    expect(log.results.length).toBe(1)
  } finally {
    await stack.close()
    await close()
  }
})

test(
  `a worker that is killed right after predictions ended can not take their deliveries along, ${workerKills} times`,
  { timeout: 400_000 },
  async () => {
    // a start costs more than all the rest: each kill is right after four predictions, or a pack, ended in one step
    const [lanes, together, timesEach] = [4, form === 'alone' ? 4 : leastPacked, workerKills / 4]
    const models = Array.from({ length: lanes }, (_, lane) => ({
      name: `lane-${lane}`,
      of: 'throws',
      settings: `instances: 1\nbatching: { max_rows: ${together}, max_wait_ms: 100 }`,
    }))
    const stack = await startStack({ models, environment: { ...loopbackWebhooks, LOG_LEVEL: 'error' } })
    const { url, received, close } = await startReceiver()
    const subscriber = stack.redis.duplicate()
    const onNotice = new Map<string, (ids: string[]) => void>()
    try {
      await Promise.all(stack.workers.map((worker) => worker.stop()))
      await stack.startWebhooks()
      subscriber.on('message', (channel: string, ids: string) => onNotice.get(channel)?.(ids.split(',')))
      await subscriber.subscribe(...models.map(({ name }) => modelKeys(stack.prefix, name).notices))

      /** The predictions that ended right before their worker was killed: those of the notice that it was killed at. */
      const killOnce = async (model: string, folder: string) => {
        // it has not loaded the model yet, and takes what waits all at once
        const worker = await stack.startWorker({ ONQUEUE_MODELS_DIR: folder })
        const ended = new Promise<string[]>((resolve) => {
          onNotice.set(modelKeys(stack.prefix, model).notices, (ids) => {
            worker.signal('SIGKILL')
            resolve(ids)
          })
        })
        const asked = Array.from({ length: together }, () => ({ input: { i: 1 }, webhook: url }))
        await submitInForm(stack, model, asked, { companion: { i: 1 } })
        await worker.ended
        return ended
      }
      const runLane = async (model: (typeof models)[number]) => {
        const folder = await stack.modelsFolder([model])
        const ids: string[] = []
        while (ids.length < timesEach) ids.push(...(await killOnce(model.name, folder)))
        return ids
      }
      const ids = (await Promise.all(models.map(runLane))).flat()
      // those of predictions that ended later, in another worker, may come before them
      await expect
        .poll(() => received.map(({ body }) => body.id), { timeout: 60_000 })
        .toEqual(expect.arrayContaining(ids))

      expect(new Set(ids).size).toBeGreaterThanOrEqual(lanes * timesEach)
      expect(new Set(received.map(({ id }) => id)).size).toBe(
        new Set(received.map(({ body }) => body.id)).size,
      )
    } finally {
      subscriber.disconnect()
      await stack.close()
      await close()
    }
  },
)

test('a Redis that is full does not keep deliveries from being made and noted', async () => {
  const redis = await startTestRedis({ maxmemoryBytes: 24 * 1024 * 1024 })
  let isUp = false
  const { url, received, close } = await startReceiver((response) =>
    response.writeHead(isUp ? 200 : 500).end(),
  )
  const stack = await startStack({
    models: [testModel('throws')],
    redisUrl: redis.url,
    environment: { ...loopbackWebhooks, ONQUEUE_WEBHOOK_SCHEDULE: `0${',0.5s'.repeat(200)}` },
  })
  const submit = async () => {
    const asked = Array.from({ length: 20 }, () => ({ input: { i: 1 }, webhook: url }))
    const { ids } = await submitInForm(stack, 'throws', asked, { companion: { i: 1 } })
    await Promise.all(ids.map(stack.client.untilFinal))
    return ids
  }
  const deliveriesOf = (ids: string[]) =>
    Promise.all(
      ids.map(async (id) => (await stack.client.get(`/v1/predictions/${id}/deliveries`)).body.results[0]),
    )
  const isFull = () =>
    stack.redis.append('filling', 'x'.repeat(100_000)).then(
      () => false,
      () => true,
    )
  try {
    const failing = await stack.startWebhooks()
    const attempted = await submit()
    await expect
      .poll(async () => (await deliveriesOf(attempted)).every(({ attempts }) => attempts.length > 0), {
        timeout: 20_000,
      })
      .toBe(true)
    await failing.stop()
    // of these nothing has been made yet
    const ids = [...attempted, ...(await submit())]
    while (!(await isFull()));
    await stack.startWebhooks()

    isUp = true
    const seen = received.length
    await expect
      .poll(async () => (await deliveriesOf(ids)).map(({ status }) => status), { timeout: 30_000 })
      .toEqual(ids.map(() => 'delivered'))

    expect(await isFull()).toBe(true)
    expect(received.length - seen).toBeLessThanOrEqual(2 * ids.length)
  } finally {
    await stack.redis.del('filling')
    await stack.close()
    await close()
    await redis.close()
  }
})
