import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { nginx, startBalancer } from './support/balancer.ts'
import { loopbackWebhooks, startReceiver } from './support/receiver.ts'
import { startStack, testModel } from './support/stack.ts'
import type { StackProcess } from './support/stack.ts'

/** A release wants more of them: ONQUEUE_TEST_RESTARTS=20, as docs/deploy.md says */
const restarts = Number(process.env['ONQUEUE_TEST_RESTARTS'] ?? 2)

/** nginx closes the idle connections of its clients when it reads its configuration: each request has its own here. */
const agent = new Agent({ keepAlive: false })

const send = (url: string, method: string, path: string, body?: object) =>
  new Promise<{ status: number; text: string }>((resolve, reject) => {
    const asking = request(`${url}${path}`, {
      agent,
      method,
      headers: { 'content-type': 'application/json' },
    })
    asking.once('error', reject)
    asking.once('response', (response) => {
      text(response).then(
        (answer) => resolve({ status: response.statusCode ?? 0, text: answer }),
        (err: unknown) => reject(err),
      )
    })
    asking.end(body === undefined ? undefined : JSON.stringify(body))
  })

test.skipIf(nginx === undefined)(
  `${restarts} rolling restarts of all apps behind nginx fail no request`,
  { timeout: 60_000 + restarts * 120_000 },
  async () => {
    const receiver = await startReceiver()
    onTestFinished(() => receiver.close())
    const stack = await startStack({
      models: [testModel('throws')],
      workers: 2,
      environment: { ...loopbackWebhooks, ONQUEUE_API_DRAIN: '4s' },
    })
    onTestFinished(() => stack.close())
    const balancer = await startBalancer(nginx ?? '')
    onTestFinished(() => balancer.close())
    const pairs: Record<'api' | 'worker' | 'webhooks', StackProcess[]> = {
      api: [stack.api, await stack.startApi()],
      worker: [...stack.workers],
      webhooks: [await stack.startWebhooks(), await stack.startWebhooks()],
    }
    for (const { url } of pairs.api) await balancer.add(url)

    const starters = {
      api: () => stack.startApi(),
      worker: () => stack.startWorker(),
      webhooks: () => stack.startWebhooks(),
    }
    /** Starts another one, and ends the old one when it is ready. */
    const exchange = async (kind: keyof typeof pairs, place: number) => {
      const next = await starters[kind]()
      if (kind === 'api') await balancer.add(next.url)
      else await untilReady(next.url)
      const [former] = pairs[kind].splice(place, 1, next)
      former?.signal('SIGTERM')
      expect(await former?.ended).toBe(0)
    }

    const failures: string[] = []
    const counts = { requests: 0, webhooks: 0 }
    let isOver = false
    const load = async (ask: (turn: number) => Promise<{ status: number; text: string }>, wanted: number) => {
      for (let turn = 0; !isOver; turn += 1) {
        const answer = await ask(turn).catch((err: unknown) => ({ status: 0, text: String(err) }))
        counts.requests += 1
        if (answer.status !== wanted) failures.push(`${answer.status} ${answer.text.slice(0, 300)}`)
      }
    }
    const { url } = balancer
    const predict = (turn: number) => send(url, 'POST', '/v1/models/throws/predict', { i: turn % 10 })
    const submit = (turn: number) =>
      send(url, 'POST', '/v1/models/throws/predictions', { input: { i: turn % 10 } })
    const submitAndWait = (turn: number) =>
      send(url, 'POST', '/v1/models/throws/predictions?wait=20', { input: { i: turn % 10 } })
    const withWebhook = (turn: number) => {
      counts.webhooks += 1
      return send(url, 'POST', '/v1/models/throws/predictions?wait=20', {
        input: { i: turn % 10 },
        webhook: receiver.url,
      })
    }
    const list = () => send(url, 'GET', '/v1/predictions?limit=5')

    const loading = Promise.all([
      ...[1, 2, 3, 4].map(() => load(predict, 200)),
      ...[1, 2].flatMap(() => [load(submit, 202), load(submitAndWait, 201), load(list, 200)]),
      load(withWebhook, 201),
    ])
    for (let restart = 0; restart < restarts; restart += 1) {
      for (const place of [0, 1])
        await Promise.all([exchange('api', place), exchange('worker', place), exchange('webhooks', place)])
    }
    isOver = true
    await loading
    await receiver.untilReceived(counts.webhooks, 60_000)

    console.log(`${counts.requests} requests over ${restarts} rolling restarts, ${failures.length} failed`)
    expect(failures).toEqual([])
    expect(counts.requests).toBeGreaterThan(100)
  },
)

const untilReady = async (healthUrl: string) => {
  await expect.poll(async () => (await fetch(`${healthUrl}/readyz`)).status, { timeout: 60_000 }).toBe(200)
}

if (nginx === undefined) {
  test('rolling restarts are not tried: there is no nginx here (apt-get install nginx-light)', () => {
    expect(nginx).toBeUndefined()
  })
}
