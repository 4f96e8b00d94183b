import { modelKeys } from '@onqueue/shared'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import { createFakeClock, libfaketime } from '../support/fake-clock.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import { submitInForm } from '../support/forms.ts'
import { readMetric } from '../support/metrics.ts'
import { headersOf, loopbackWebhooks, startReceiver } from '../support/receiver.ts'
import { startStack } from '../support/stack.ts'
import type { Stack, StackProcess } from '../support/stack.ts'

if (libfaketime === undefined) console.log('clocks: no faketime here, so no process has another clock')

const hour = 3600
const readinessSchema = z.object({ status: z.string(), reasons: z.array(z.string()) })
const retentionMs = 12_000

/**
 * A stack of which every process has another clock: the API is 10 minutes ahead, the webhooks an hour behind, one worker 26
 * hours ahead and one as far behind. Each worker has a model of its own, `ahead` and `behind`.
 */
describe.skipIf(libfaketime === undefined)('with clocks that are hours apart', () => {
  const clocks: FakeClock[] = []
  let stack: Stack
  let webhooks: StackProcess
  let workers: Record<'ahead' | 'behind', { process: StackProcess; clock: FakeClock }>

  const clockThatIs = (aheadSeconds: number) => {
    const clock = createFakeClock(aheadSeconds)
    clocks.push(clock)
    return clock
  }
  /** One executor, that runs one row at a time. */
  const slowModel = (name: string, description = 'slow') => ({
    name,
    of: 'slow',
    settings: `description: ${description}\ninstances: 1\ntimeout_s: 60\nbatching: { max_rows: 1 }\n`,
  })
  const startWorker = async (model: ReturnType<typeof slowModel>, clock: FakeClock) =>
    stack.startWorker({ ONQUEUE_MODELS_DIR: await stack.modelsFolder([model]), ...clock.environment })

  beforeAll(async () => {
    stack = await startStack({
      models: [],
      workers: 0,
      environment: {
        ...clockThatIs(600).environment,
        ...loopbackWebhooks,
        ONQUEUE_RETENTION: `${retentionMs / 1000}s`,
      },
    })
    const hire = async (name: 'ahead' | 'behind', aheadSeconds: number) => {
      const clock = clockThatIs(aheadSeconds)
      return { process: await startWorker(slowModel(name), clock), clock }
    }
    const [ahead, behind] = await Promise.all([hire('ahead', 26 * hour), hire('behind', -26 * hour)])
    workers = { ahead, behind }
    webhooks = await stack.startWebhooks(clockThatIs(-hour).environment)
    await stack.client.untilReady(2)
  })
  afterAll(async () => {
    await stack?.close()
    for (const clock of clocks) clock.remove()
  })

  const submit = async (model: string, n: number, { fields = {}, cancelAfter = '' } = {}) => {
    const headers: Record<string, string> = cancelAfter === '' ? {} : { 'cancel-after': cancelAfter }
    const { status, body } = await stack.client.submit(model, { n: [n] }, fields, headers)
    expect(status).toBe(202)
    return String(body.id)
  }
  const read = async (id: string) => (await stack.client.get(`/v1/predictions/${id}`)).body
  const untilFinal = async (id: string) => (await stack.client.untilFinal(id)).body
  const timesOf = (prediction: { created_at: string; started_at: string; completed_at: string }) =>
    [prediction.created_at, prediction.started_at, prediction.completed_at].map(Date.parse)

  const secondsFromNow = (iso: string) => (Date.parse(iso) - Date.now()) / 1000
  const readyz = async ({ url }: StackProcess) => {
    const response = await fetch(`${url}/readyz`)
    return { status: response.status, body: readinessSchema.parse(await response.json()) }
  }
  const fine = { status: 200, body: { status: 'ok', reasons: [] } }

  describe.each(['ahead', 'behind'] as const)('of which the worker is %s', (name) => {
    test('a prediction with a deadline that is far away runs, and its times are in order and right', async () => {
      const from = Date.now()

      // the second waits for the first, and is looked at meanwhile
      const ids = [
        await submit(name, 1500, { cancelAfter: '30s' }),
        await submit(name, 1, { cancelAfter: '30s' }),
      ]
      const predictions = await Promise.all(ids.map(untilFinal))

      for (const prediction of predictions) {
        expect(prediction).toMatchObject({ status: 'succeeded', error: null })
        const times = timesOf(prediction)
        expect(times).toEqual(times.toSorted((a, b) => a - b))
        // a reading of the clock is right by some ms
        expect(times[0]).toBeGreaterThan(from - 100)
        expect(times[2]).toBeLessThan(Date.now() + 100)
      }
    })

    test('a deadline that passes ends what runs, and what waits', async () => {
      const submitFor = async (n: number, cancelAfterMs: number) => {
        const asked = [{ input: { n: [n] }, cancelAfterMs }]
        return (await submitInForm(stack, name, asked, { companion: { n: [1] } })).ids[0] ?? ''
      }
      const runs = await submitFor(20_000, 2000)
      await stack.client.untilTaken(runs)
      const waits = await submitFor(1, 1000)

      const [ended, expired] = await Promise.all([untilFinal(runs), untilFinal(waits)])

      expect(ended).toMatchObject({ status: 'canceled' })
      expect(expired).toMatchObject({ status: 'expired' })
      for (const { deadline, completed_at: completedAt } of [ended, expired]) {
        expect(Date.parse(completedAt) - Date.parse(deadline)).toBeGreaterThanOrEqual(0)
        expect(Date.parse(completedAt) - Date.parse(deadline)).toBeLessThan(3000)
      }
    })

    test('a webhook is signed for now, so that its receiver takes it', async () => {
      const receiver = await startReceiver()
      onTestFinished(() => receiver.close())
      const { key } = (await stack.client.get('/v1/webhooks/default/secret')).body

      const id = await submit(name, 1, {
        fields: { webhook: receiver.url, webhook_events_filter: ['start', 'completed'] },
      })
      await receiver.untilReceived(2)

      for (const one of receiver.received)
        expect(new Webhook(key).verify(one.text, headersOf(one))).toMatchObject({ id })
      const read = async () => (await stack.client.get(`/v1/predictions/${id}/deliveries`)).body.results
      // an attempt is noted after its receiver has answered
      await vi.waitFor(
        async () =>
          expect((await read()).map(({ status }: { status: string }) => status)).toEqual([
            'delivered',
            'delivered',
          ]),
        { timeout: 10_000 },
      )
      for (const { created_at: createdAt, attempts } of await read())
        for (const at of [createdAt, attempts[0].at]) expect(Math.abs(secondsFromNow(at))).toBeLessThan(20)
    })
  })

  test('each process tells how far its clock is off, and is ready', async () => {
    const secondsAhead = { API: 600, webhooks: -hour, ahead: 26 * hour, behind: -26 * hour }
    const processes = {
      API: stack.api,
      webhooks,
      ahead: workers.ahead.process,
      behind: workers.behind.process,
    }

    for (const name of ['API', 'webhooks', 'ahead', 'behind'] as const) {
      const told = await readMetric(processes[name], 'onqueue_clock_offset_seconds')
      expect(Math.abs(told - secondsAhead[name])).toBeLessThan(2)
      const off = /^this machine's clock is \d+(\.\d)? s (ahead of|behind)/
      expect(await readyz(processes[name])).toEqual({
        status: 200,
        body: { status: 'ok', reasons: [expect.stringMatching(off)] },
      })
      expect(processes[name].log()).toContain("this machine's clock is not that of Redis")
    }
  })

  describe.concurrent('what takes its time', () => {
    test.each(['ahead', 'behind'] as const)(
      'what a worker %s has finished is kept as long as it should, and no longer',
      async (name) => {
        const id = await submit(name, 1)
        const { completed_at: completedAt, expires_at: expiresAt } = await untilFinal(id)

        await vi.waitFor(
          async () => expect((await stack.client.get(`/v1/predictions/${id}`)).status).toBe(404),
          {
            timeout: retentionMs + 10_000,
            interval: 100,
          },
        )

        expect(Date.parse(expiresAt) - Date.parse(completedAt)).toBe(retentionMs)
        expect(secondsFromNow(expiresAt)).toBeLessThan(0.1)
        expect(secondsFromNow(expiresAt)).toBeGreaterThan(-10)
      },
    )

    test('a clock that leaps while a prediction runs changes nothing of it, and is told while it is off', async () => {
      const clock = clockThatIs(0)
      const worker = await startWorker(slowModel('leaps'), clock)
      await stack.client.untilServed('leaps')
      expect(await readyz(worker)).toEqual(fine)
      const id = await submit('leaps', 25_000, { cancelAfter: '60s' })
      await stack.client.untilTaken(id)
      const lock = `${modelKeys(stack.prefix, 'leaps').queue(id)}:lock`
      const { started_at: startedAt } = await read(id)

      clock.set(-26 * hour)
      await vi.waitFor(async () => expect((await readyz(worker)).body.reasons).toHaveLength(1), 10_000)
      const leftMs = await stack.redis.pttl(lock)
      // nobody else takes it: its lock is renewed
      await vi.waitFor(async () => expect(await stack.redis.pttl(lock)).toBeGreaterThan(leftMs), 15_000)
      clock.set(26 * hour)
      await vi.waitFor(
        async () => expect(await readMetric(worker, 'onqueue_clock_offset_seconds')).toBeGreaterThan(hour),
        10_000,
      )
      expect(await read(id)).toMatchObject({ status: 'processing', started_at: startedAt })
      const canceled = await stack.client.call('POST', `/v1/predictions/${id}/cancel`)
      clock.set(0)
      await vi.waitFor(async () => expect((await readyz(worker)).body.reasons).toEqual([]), 10_000)

      const times = timesOf(canceled.body)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
      expect(Math.abs(secondsFromNow(canceled.body.completed_at))).toBeLessThan(30)
      expect(worker.log().match(/is not that of Redis|agree again/g)).toEqual([
        'is not that of Redis',
        'agree again',
      ])
    })

    test('what a worker that is hours ahead has put off is taken by another within seconds', async () => {
      const [first, second] = [slowModel('moved', 'first'), slowModel('moved', 'second')]
      const leaving = await startWorker(second, clockThatIs(0))
      await stack.client.untilServed('moved')
      await leaving.stop()
      const id = await submit('moved', 1)
      const ahead = await startWorker(first, clockThatIs(26 * hour))
      const { queue } = modelKeys(stack.prefix, 'moved')
      await vi.waitFor(async () => expect(await stack.redis.zcard(queue('delayed'))).toBe(1), 10_000)
      await ahead.stop('SIGKILL')

      await startWorker(second, clockThatIs(-26 * hour))

      expect(await untilFinal(id)).toMatchObject({ status: 'succeeded', output: { y: 1 } })
    })
  })
})
