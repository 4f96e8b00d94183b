import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loopbackWebhooks } from './support/receiver.ts'
import { root, shippedModel, startStack } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

let stack: Stack
let secret: string

beforeAll(async () => {
  stack = await startStack({ models: [shippedModel('iris')], environment: loopbackWebhooks })
  await stack.startWebhooks()
  secret = (await stack.client.get('/v1/webhooks/default/secret')).body.key
})
afterAll(() => stack.close())

const hasPython = spawnSync('python3', ['--version']).status === 0
if (!hasPython) console.warn('examples/webhook_receiver.py is not tested: there is no python3 on the PATH')

describe('webhook-receiver.ts', () => behavesAsReceiver(process.execPath, 'webhook-receiver.ts'))
describe.runIf(hasPython)('webhook_receiver.py', () => behavesAsReceiver('python3', 'webhook_receiver.py'))

function behavesAsReceiver(program: string, file: string) {
  let example: Example
  beforeAll(async () => {
    example = await startExample(program, file, { WEBHOOK_SECRET: secret })
  })
  afterAll(() => example.stop())

  test('prints a prediction when it ends, and its delivery is done', async () => {
    const input = { features: [5.1, 3.5, 1.4, 0.2] }

    const { body } = await stack.client.submit('iris', input, { webhook: example.url })

    expect(await example.nextLine()).toMatch(
      new RegExp(`^prediction ${body.id} succeeded: {"prediction":"setosa",`),
    )
    await expect
      .poll(async () => (await stack.client.get(`/v1/predictions/${body.id}/deliveries`)).body.results)
      .toMatchObject([{ status: 'delivered', attempts: [{ status_code: 204, error: null }] }])
  })

  test('points to the prediction when the message is thin', async () => {
    const options = { webhook: example.url, webhook_payload: 'thin' }

    const { body } = await stack.client.submit('iris', { features: [5.1, 3.5, 1.4, 0.2] }, options)

    expect(await example.nextLine()).toBe(`prediction ${body.id} succeeded: see ${body.urls.get}`)
  })

  test('prints a test message', async () => {
    const { body } = await stack.client.call('POST', '/v1/webhooks/test', { url: example.url })

    expect(await example.nextLine()).toBe(`test message ${body.id}`)
  })

  test('a message that comes twice is answered twice and printed once', async () => {
    const twice = message({ id: 'wh-twice' })

    const answers = [await example.post(twice), await example.post(twice)]
    await example.post(message({ id: 'wh-after', text: failed }))

    expect(answers.map(({ status }) => status)).toEqual([204, 204])
    expect(await example.nextLine()).toBe('prediction iris-1 succeeded: {"prediction":"setosa"}')
    expect(await example.nextLine()).toBe('prediction iris-2 failed: it took too long')
  })

  test('during a rotation the signature of either secret will do', async () => {
    const { headers, body } = message({ id: 'wh-rotated' })
    const signature = `${sign({ id: 'wh-rotated', text: body, key: otherSecret })} ${headers['webhook-signature']}`

    const { status } = await example.post({ headers: { ...headers, 'webhook-signature': signature }, body })

    expect(status).toBe(204)
    expect(await example.nextLine()).toBe('prediction iris-1 succeeded: {"prediction":"setosa"}')
  })

  test('an event that it does not know is accepted', async () => {
    const { headers, body } = message({ id: 'wh-unknown' })

    const { status } = await example.post({ headers: { ...headers, 'onqueue-event': 'batch.moved' }, body })

    expect(status).toBe(204)
  })

  test.each([
    ['another secret', () => message({ key: otherSecret }), 401, 'webhook-signature does not fit'],
    [
      'a changed body',
      () => ({ ...message(), body: completed.replace('setosa', 'virgin') }),
      401,
      'webhook-signature does not fit',
    ],
    [
      'a signature of another length',
      () => ({ ...message(), headers: { ...message().headers, 'webhook-signature': 'v1,c2hvcnQ=' } }),
      401,
      'webhook-signature does not fit',
    ],
    ['an old timestamp', () => message({ ageSeconds: 301 }), 401, 'more than 5 minutes off'],
    ['a timestamp of the future', () => message({ ageSeconds: -301 }), 401, 'more than 5 minutes off'],
    [
      'a timestamp that is none',
      () => ({ ...message(), headers: { ...message().headers, 'webhook-timestamp': 'now' } }),
      401,
      'more than 5 minutes off',
    ],
    ['no webhook at all', () => ({ headers: {}, body: '{}' }), 400, 'not a webhook'],
    ['a signed text that is no JSON', () => message({ text: '{' }), 400, 'not a whole message'],
  ])('%s is refused', async (_, refused, status, sentence) => {
    const answer = await example.post(refused())

    expect(answer.status).toBe(status)
    expect(answer.text).toContain(sentence)
    // had it printed something, this would not be next
    await example.post(message({ id: `wh-next-${(posted += 1)}` }))
    expect(await example.nextLine()).toBe('prediction iris-1 succeeded: {"prediction":"setosa"}')
  })

  test('a body that is too long is refused before it has come', async () => {
    const headers = { ...message().headers, 'content-length': 2 ** 20 + 1 }

    const sending = request(example.url, { method: 'POST', headers })
    sending.flushHeaders()
    const [response] = await once(sending, 'response')
    sending.on('error', () => undefined).destroy()

    expect(response.statusCode).toBe(400)
  })

  test('a port in use is told in a sentence', async () => {
    const port = new URL(example.url).port
    const child = spawn(program, [join(root, 'examples', file)], {
      env: { PATH: process.env['PATH'], PORT: port, WEBHOOK_SECRET: secret },
    })
    child.stderr.setEncoding('utf8')

    const [[text], [code]] = await Promise.all([once(child.stderr, 'data'), once(child, 'exit')])

    expect([code, text]).toEqual([1, expect.stringMatching(/^can't listen: .*; set PORT to another one\n$/)])
  })

  test('without a secret it says where to get it', async () => {
    const child = spawn(program, [join(root, 'examples', file)], { env: { PATH: process.env['PATH'] } })
    child.stderr.setEncoding('utf8')

    const [[text], [code]] = await Promise.all([once(child.stderr, 'data'), once(child, 'exit')])

    expect(code).toBe(1)
    expect(text).toContain('WEBHOOK_SECRET must be the key that GET /v1/webhooks/default/secret shows')
  })
}

let posted = 0
const otherSecret = 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='
const completed =
  '{"id":"iris-1","status":"succeeded","output":{"prediction":"setosa"},"error":null,"urls":{"get":"http://a/"}}'
const failed = completed
  .replace('iris-1', 'iris-2')
  .replace('succeeded', 'failed')
  .replace('"error":null', '"error":{"code":"timed_out","detail":"it took too long"}')

const now = () => Math.floor(Date.now() / 1000)

const sign = ({ id, text, key, at = now() }: { id: string; text: string; key: string; at?: number }) =>
  new Webhook(key).sign(id, new Date(at * 1000), text)

/** A message as the server would send it, signed by somebody else's code. */
const message = ({ id = 'wh-refused', text = completed, key = secret, ageSeconds = 0 } = {}) => {
  const at = now() - ageSeconds
  return {
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(at),
      'webhook-signature': sign({ id, text, key, at }),
      'onqueue-event': 'prediction.completed',
    },
    body: text,
  }
}

type Example = Awaited<ReturnType<typeof startExample>>

const startExample = async (program: string, file: string, environment: Record<string, string>) => {
  const child = spawn(program, [join(root, 'examples', file)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], PORT: '0', ...environment },
  })
  const exit = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const nextLine = async () => String((await lines.next()).value)
  const port = /^listening on port (\d+)$/.exec(await nextLine())?.[1]
  const url = `http://127.0.0.1:${port}/`
  return {
    url,
    nextLine,
    post: async (sent: { headers: Record<string, string>; body: string }) => {
      const response = await fetch(url, { method: 'POST', ...sent })
      return { status: response.status, text: await response.text() }
    },
    stop: async () => {
      child.kill()
      await exit
    },
  }
}
