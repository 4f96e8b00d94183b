/**
 * A receiver of OnQueue's webhooks, whole and without dependencies: copy it, and put your own work into `handle`.
 *
 *     WEBHOOK_SECRET=whsec_… PORT=9000 node webhook-receiver.ts
 *
 * Node 22.18 and newer run it as it is.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'

const secret = process.env['WEBHOOK_SECRET'] ?? ''
if (!secret.startsWith('whsec_')) {
  console.error('WEBHOOK_SECRET must be the key that GET /v1/webhooks/default/secret shows: whsec_…')
  process.exit(1)
}
/** What follows `whsec_` is base64; the key is what it decodes to. */
const key = Buffer.from(secret.slice('whsec_'.length), 'base64')

/** OnQueue sends at most 256 KiB. */
const longestBodyBytes = 1024 * 1024
/** Older messages could have been recorded and sent again by somebody else. OnQueue signs anew at each attempt. */
const toleranceSeconds = 5 * 60

/**
 * Ids of the messages that were taken: a message can come more than once, always with the same id. A real service
 * inserts id and message into a table of its database, with a unique key on the id, before it answers, and works from
 * there: then neither a restart nor a second process of it loses a message or acts on it twice.
 */
const takenIds = new Set<string>()

/** What a message is about. In a thin or truncated one `output` is missing: GET `urls.get` has it. */
type Message = {
  id: string
  status?: string
  output?: unknown
  error?: { code: string; detail: string } | null
  urls?: { get: string }
}

/** Your work goes here, after the answer: OnQueue waits 15 s for that, and then sends the message again later. */
const handle = (event: string, { id, status, output, error, urls }: Message) => {
  if (event === 'prediction.completed') {
    const result = error?.detail ?? JSON.stringify(output) ?? `see ${urls?.get}`
    console.log(`prediction ${id} ${status}: ${result}`)
  } else if (event === 'prediction.started') console.log(`prediction ${id} started`)
  else if (event === 'webhook.test') console.log(`test message ${id}`)
  // other events may be added, and are no reason to refuse a message
}

const answerTo = async (request: IncomingMessage): Promise<[status: number, sentence?: string]> => {
  const header = (name: string) => String(request.headers[name] ?? '')
  const [id, timestamp] = [header('webhook-id'), header('webhook-timestamp')]
  const signatures = header('webhook-signature')
  if (!id || !timestamp || !signatures) {
    return [400, 'not a webhook: webhook-id, webhook-timestamp and webhook-signature are needed']
  }
  if (!(Number(header('content-length') || NaN) <= longestBodyBytes)) {
    return [400, `content-length must be there, and at most ${longestBodyBytes}`]
  }
  const body = Buffer.concat(await request.toArray())
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= toleranceSeconds)) {
    return [
      401,
      'webhook-timestamp is more than 5 minutes off: this is a replay, or one of the clocks is wrong',
    ]
  }
  if (!isSigned({ id, timestamp, signatures, body })) {
    return [401, 'webhook-signature does not fit: WEBHOOK_SECRET is another one, or the message was changed']
  }
  if (takenIds.has(id)) return [204]
  const message: Message = JSON.parse(body.toString())
  takenIds.add(id)
  setImmediate(handle, header('onqueue-event'), message)
  return [204]
}

/** One signature for each secret in use, `v1,<base64>`, separated by spaces: any of them that fits will do. */
const isSigned = (message: { id: string; timestamp: string; signatures: string; body: Buffer }) => {
  const { id, timestamp, signatures, body } = message
  const digest = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')
  const expected = Buffer.from(`v1,${digest}`)
  const given = signatures.split(' ').map((signature) => Buffer.from(signature))
  return given.some((one) => one.length === expected.length && timingSafeEqual(one, expected))
}

const server = createServer((request, response) => {
  void answerTo(request)
    .catch((): [number, string] => [400, 'not a whole message'])
    .then(([status, sentence]) => response.writeHead(status, { 'content-type': 'text/plain' }).end(sentence))
})
server.on('error', (err) => {
  console.error(`can't listen: ${err.message}; set PORT to another one`)
  process.exit(1)
})
server.listen(Number(process.env['PORT'] ?? 9000), '127.0.0.1', () => {
  const address = server.address()
  console.log(`listening on port ${typeof address === 'object' ? address?.port : address}`)
})
