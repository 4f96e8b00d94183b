import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { apps } from '../../scripts/start/apps.ts'
import { createBatcher } from '../batches/batcher.ts'
import { shippedModel } from '../support/stack.ts'
import { startComposition } from './composition.ts'
import type { Composition } from './composition.ts'

// The images and docker-compose.yml as they ship, on a real engine. The tests share the containers and run in order.

let containers: Composition

beforeAll(async () => {
  containers = await startComposition()
}, 15 * 60_000)
afterAll(() => containers?.remove(), 120_000)

test('golden answers come back through the published port', async () => {
  const cases: { input: unknown; output: { prediction: number; probabilities: Record<string, number> } }[] =
    JSON.parse(await readFile(join(shippedModel('demo-classifier'), 'golden.json'), 'utf8'))

  const answers = await Promise.all(
    cases.slice(0, 20).map(({ input }) => containers.client.predict('demo-classifier', input)),
  )

  for (const [index, { status, body }] of answers.entries()) {
    const expected = cases[index]?.output
    expect(status).toBe(200)
    expect(body.prediction).toBe(expected?.prediction)
    expect(body.probabilities['1']).toBeCloseTo(expected?.probabilities['1'] ?? Number.NaN, 5)
  }
})

test('a file of rows is scored by the worker, which shares the storage with the API', async () => {
  const batcher = createBatcher(containers.url)
  const row = '{"features":[1,-0.5,2.1,0.3]}\n'

  const { body } = await batcher.submit('demo-classifier', row.repeat(3), { query: '?output_format=parquet' })
  const ended = await batcher.untilEnded(body.id)
  const output = await batcher.output(body.id)

  expect(ended).toMatchObject({ status: 'completed', counts: { total: 3, completed: 3 } })
  expect(output.slice(0, 4)).toBe('PAR1')
  // nobody else wants the cores in its container
  expect(await containers.evaluate('worker', schedulingOfBatches)).toEqual(['5'])
})

/** The scheduling classes of what scores batches: field 41 of `stat` (proc(5)), of which 5 is SCHED_IDLE. */
const schedulingOfBatches = `[...new Set(fs.globSync('/proc/[0-9]*/stat')
  .map((path) => { try { return fs.readFileSync(path, 'utf8') } catch { return '' } })
  .filter((stat) => stat.includes('(onqueue-batch'))
  .map((stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' ')[38]))]`

test('every container finds itself healthy', async () => {
  await expect
    .poll(() => containers.states(), { timeout: 45_000, interval: 250 })
    .toEqual([
      { service: 'api', state: 'running, healthy' },
      { service: 'redis', state: 'running, healthy' },
      { service: 'webhooks', state: 'running, healthy' },
      { service: 'worker', state: 'running, healthy' },
    ])
})

test.each(apps)('the image of the $name has a health check of its own, which passes', async ({ folder }) => {
  const check = await containers.imageHealthCheck(folder)

  await containers.compose('exec', '-T', folder, ...check)
})

test.each([
  { service: 'api', writable: ['/app/data', '/app/storage', '/tmp'] },
  { service: 'worker', writable: ['/app/storage', '/tmp'] },
  { service: 'webhooks', writable: ['/tmp'] },
])(
  'nothing in the $service runs as root, and it can write to $writable only',
  async ({ service, writable }) => {
    const found = await containers.evaluate(
      service,
      `{
      user: os.userInfo().username,
      capabilities: /CapBnd:\\s*(\\S+)/.exec(fs.readFileSync('/proc/1/status', 'utf8'))[1],
      writable: ['/app', '/app/apps/${service}/src', '/app/data', '/app/storage', os.homedir(), '/tmp'].filter((path) => {
        try { fs.rmdirSync(fs.mkdtempSync(path + '/x')); return true } catch { return false }
      }),
    }`,
    )

    expect(found).toEqual({ user: 'node', capabilities: '0000000000000000', writable })
  },
)

test('an image holds what its process needs: ONNX Runtime is in the worker alone, for one platform', async () => {
  const packages = `['bullmq', 'onnxruntime-node', 'vitest', 'typescript', 'node', 'testcontainers']
    .filter((name) => fs.existsSync('node_modules/' + name))`
  const platforms = `fs.globSync('node_modules/onnxruntime-node/bin/*/*/*').map((path) => path.split('/').slice(-2).join('/'))`

  expect(await containers.evaluate('api', packages)).toEqual(['bullmq'])
  expect(await containers.evaluate('webhooks', packages)).toEqual(['bullmq'])
  expect(await containers.evaluate('worker', packages)).toEqual(['bullmq', 'onnxruntime-node'])
  expect(await containers.evaluate('worker', platforms)).toEqual([
    expect.stringMatching(/^linux\/(x64|arm64)$/),
  ])
})

test('ONNX Runtime is told not to report to its maker', async () => {
  const log = await containers.compose('logs', '--no-color', 'worker')

  // where it reports, it complains that it can't keep an id of this machine in the read-only home folder
  expect(log).toMatch(/model loaded/)
  expect(log).not.toMatch(/telemetry/i)
})

test.each([
  { service: 'api', open: ['outside'], closed: ['queue'] },
  { service: 'webhooks', open: ['outside'], closed: ['queue'] },
  { service: 'worker', open: [], closed: ['queue', 'worker'] },
  { service: 'redis', open: [], closed: ['queue'] },
])('the networks of $service that have a way out: $open', async ({ service, open, closed }) => {
  expect(await containers.networksOf(service)).toEqual({ open, closed })
})

test('a worker gets a way out when it is switched on', async () => {
  const offline = await containers.compose('config')
  const online = await containers.composeWith({ ONQUEUE_WORKER_OFFLINE: 'false' }, 'config')

  expect(networkOf(offline, 'worker')).toMatch(/internal: true/)
  expect(networkOf(online, 'worker')).not.toMatch(/internal: true/)
  expect(networkOf(online, 'queue')).toMatch(/internal: true/)
})

test('links lead to the published port', async () => {
  const { body } = await containers.client.get('/v1/models/demo-classifier')

  expect(body.urls.get).toBe(`${containers.url}/v1/models/demo-classifier`)
})

test('every image can be named from outside, by digest too', async () => {
  const names = ['ONQUEUE_API_IMAGE', 'ONQUEUE_WORKER_IMAGE', 'ONQUEUE_WEBHOOKS_IMAGE', 'REDIS_IMAGE']
  const digests = names.map((name, index) => [
    name,
    `${name.toLowerCase()}@sha256:${String(index).repeat(64)}`,
  ])

  const config = await containers.composeWith(Object.fromEntries(digests), 'config')

  const images = [...config.matchAll(/^ {4}image: (.*)$/gm)].map(([, image]) => image)
  expect(new Set(images)).toEqual(new Set(digests.map(([, image]) => image)))
})

test('a webhook reaches a receiver in the network of the containers, signed', async () => {
  const received = await receiveWebhook()

  const { key } = (await containers.client.get('/v1/webhooks/default/secret')).body
  const verified = new StandardWebhook(key).verify(received.text, received.headers)
  expect(verified).toMatchObject({ object: 'prediction', model: 'demo-classifier', status: 'succeeded' })
})

test('a second worker and a second webhooks process join the first', async () => {
  const twice = ['worker', 'webhooks'].flatMap((service) => ['--scale', `${service}=2`])
  await containers.compose('up', '--detach', '--no-recreate', ...twice)

  await expect.poll(countWorkers, { timeout: 30_000, interval: 250 }).toBe(2)
  await expect.poll(countHealthyWebhooks, { timeout: 30_000, interval: 250 }).toBe(2)
})

test('a stop under load ends every process in time and loses nothing that was accepted', async () => {
  const { accepted, stopMs } = await stopUnderLoad()
  const states = await containers.states()

  await containers.compose('start')
  await containers.untilReady()
  const finals = await finalsOf(accepted)

  expect(stopMs).toBeLessThan(30_000)
  expect(states).toEqual([
    { service: 'api', state: 'exited 0' },
    { service: 'redis', state: 'exited 0' },
    { service: 'webhooks', state: 'exited 0' },
    { service: 'webhooks', state: 'exited 0' },
    { service: 'worker', state: 'exited 0' },
    { service: 'worker', state: 'exited 0' },
  ])
  expect(finals.filter(({ status, body }) => status !== 200 || body.status !== 'succeeded')).toEqual([])
}, 180_000)

test('a key made in the container closes the API to everybody else, also after a restart', async () => {
  const key = await containers.compose('exec', '-T', 'api', 'node', 'scripts/keys.ts', 'create', 'billing')
  await containers.compose('restart', 'api')
  await vi.waitUntil(async () => (await statusOf('/readyz').catch(() => 0)) === 200, { timeout: 30_000 })

  expect(await statusOf('/v1/models')).toBe(401)
  expect(await statusOf('/v1/models', { authorization: `Bearer ${key}` })).toBe(200)
})

/** A receiver in the API's container, which others reach as `api`, submits a prediction and answers what it is sent. */
const receiveWebhook = async (): Promise<{ headers: Record<string, string>; text: string }> => {
  const script = `
    const server = http.createServer(async (request, response) => {
      const chunks = await Array.fromAsync(request)
      console.log(JSON.stringify({ headers: request.headers, text: Buffer.concat(chunks).toString() }))
      response.end(() => process.exit())
    })
    server.listen(9000, async () => {
      const { status } = await fetch('http://127.0.0.1:' + process.env.PORT + '/v1/models/demo-classifier/predictions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ input: { features: [0.5, 1.2, -0.8, 2] }, webhook: 'http://api:9000/hooks' }),
      })
      if (status !== 202) throw new Error('submit answered ' + status)
    })
    setTimeout(() => { throw new Error('no webhook came within 30 s') }, 30_000)`
  return JSON.parse(await containers.compose('exec', '-T', 'api', 'node', '-e', script))
}

/**
 * Submits from eight callers until nothing answers any more. First the workers are stopped with predictions in hand,
 * then all the rest with predictions waiting.
 */
const stopUnderLoad = async () => {
  const accepted: string[] = []
  const callUntilGone = async () => {
    for (;;) {
      const answer = await containers.client
        .submit('demo-classifier', { features: [0.5, 1.2, -0.8, 2] })
        .catch(() => undefined)
      if (answer === undefined) return
      if (answer.status === 202) accepted.push(answer.body.id)
    }
  }
  const untilAccepted = (count: number) => vi.waitUntil(() => accepted.length >= count, { timeout: 30_000 })
  const callers = Array.from({ length: 8 }, callUntilGone)

  await untilAccepted(100)
  const startedAt = performance.now()
  await containers.compose('stop', 'worker')
  await untilAccepted(accepted.length + 100)
  await containers.compose('stop')
  const stopMs = performance.now() - startedAt
  await Promise.all(callers)
  return { accepted, stopMs }
}

/** In turns, as one address may have only so many connections at once. */
const finalsOf = async (ids: string[]) => {
  const finals: Awaited<ReturnType<typeof containers.client.untilFinal>>[] = []
  for (let from = 0; from < ids.length; from += 200) {
    const turn = ids.slice(from, from + 200)
    finals.push(...(await Promise.all(turn.map((id) => containers.client.untilFinal(id)))))
  }
  return finals
}

/** A network as `config` prints it. */
const networkOf = (config: string, name: string) => {
  const networks = /^networks:\n((?: .*\n?)*)/m.exec(config)?.[1] ?? ''
  return new RegExp(`^  ${name}:(?: \\{\\})?\\n((?:    .*\\n?)*)`, 'm').exec(networks)?.[1] ?? ''
}

const countWorkers = async (): Promise<number> => {
  const { body } = await containers.client.get('/v1/models/demo-classifier')
  return body.workers
}

const countHealthyWebhooks = async () => {
  const states = await containers.states()
  return states.filter(({ service, state }) => service === 'webhooks' && state === 'running, healthy').length
}

const statusOf = async (path: string, headers?: Record<string, string>) =>
  (await containers.client.get(path, headers)).status
