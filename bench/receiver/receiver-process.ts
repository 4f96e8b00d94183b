import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { z } from 'zod'
import { answerParent } from '../processes/answer-parent.ts'
import { isSameAnswer } from '../models/known-answer.ts'

const requestSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('listen'),
    /** `whsec_…` */
    secret: z.string(),
    answers: z.array(z.object({ input: z.unknown(), output: z.unknown() })),
  }),
  /** Count anew. */
  z.object({ type: z.literal('count') }),
  /** Answer when so many different ones have arrived, or when it takes too long. */
  z.object({ type: z.literal('until-arrived'), deliveries: z.int(), patienceMs: z.number() }),
])

const payloadSchema = z.object({
  id: z.string(),
  status: z.literal('succeeded'),
  input: z.unknown(),
  output: z.unknown(),
})

/** One of so many is checked. */
const sampleEvery = 50
const answer = 'HTTP/1.1 204 No Content\r\n\r\n'

type Answers = readonly { input?: unknown; output?: unknown }[]

type Count = {
  ids: Set<string>
  requests: number
  firstAt: number
  lastAt: number
  checked: number
  failures: string[]
  awaited: number
  onArrived: () => void
}

const startCounting = (): Count => ({
  ids: new Set(),
  requests: 0,
  firstAt: 0,
  lastAt: 0,
  checked: 0,
  failures: [],
  awaited: Infinity,
  onArrived: () => {},
})

let count = startCounting()
let check: (head: string, body: Buffer) => void = () => {}

/**
 * Receives webhooks and does the least that a receiver can: it reads the head as text, counts the ids, and answers 204.
 * It shares its cores with what it measures, so it checks signature and body of some only. For requests that state their
 * length, as those of OnQueue do; any other is a failure.
 */
answerParent(async (message) => {
  const request = requestSchema.parse(message)
  if (request.type === 'listen') {
    check = checkWith(new Webhook(request.secret), request.answers)
    return { url: await listen() }
  }
  if (request.type === 'count') {
    count = startCounting()
    return {}
  }
  await untilArrived(request)
  const { ids, requests, firstAt, lastAt, checked, failures } = count
  const examples = failures.slice(0, 3)
  return { arrived: ids.size, requests, firstAt, lastAt, checked, failures: failures.length, examples }
})

const listen = async () => {
  const server = createServer({ noDelay: true }, receive)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('not listening on a port')
  return `http://127.0.0.1:${address.port}/`
}

const untilArrived = async ({ deliveries, patienceMs }: { deliveries: number; patienceMs: number }) => {
  if (count.ids.size >= deliveries) return
  const { promise, resolve } = Promise.withResolvers<void>()
  count.awaited = deliveries
  count.onArrived = resolve
  const timer = setTimeout(resolve, patienceMs)
  await promise
  clearTimeout(timer)
}

const receive = (socket: Socket) => {
  let unread: Buffer | undefined
  socket.on('data', (chunk: Buffer) => {
    let rest = unread ? Buffer.concat([unread, chunk]) : chunk
    let answers = ''
    for (;;) {
      const headEnd = rest.indexOf('\r\n\r\n')
      if (headEnd === -1) break
      const head = rest.toString('latin1', 0, headEnd)
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
      if (length === undefined || !head.startsWith('POST ')) {
        count.failures.push(`a request that is not understood: ${head.slice(0, 300)}`)
        socket.destroy()
        return
      }
      const bodyStart = headEnd + 4
      const end = bodyStart + Number(length)
      if (rest.length < end) break
      note(head, rest.subarray(bodyStart, end))
      answers += answer
      rest = rest.subarray(end)
    }
    unread = rest.length === 0 ? undefined : rest
    if (answers !== '') socket.write(answers, 'latin1')
  })
  // the sender may end at any time
  socket.on('error', () => {})
}

const note = (head: string, body: Buffer) => {
  count.requests += 1
  const id = headerOf(head, 'webhook-id')
  if (count.ids.has(id)) return
  count.ids.add(id)
  count.lastAt = Date.now()
  if (count.ids.size === 1) count.firstAt = count.lastAt
  if (count.ids.size >= count.awaited) count.onArrived()
  if (count.ids.size % sampleEvery !== 0) return
  count.checked += 1
  try {
    check(head, body)
  } catch (err) {
    count.failures.push(`${id}: ${String(err)}: ${body.toString().slice(0, 300)}`)
  }
}

/** Throws when the signature, the id or the output is not what it should be. */
const checkWith = (webhook: Webhook, answers: Answers) => (head: string, body: Buffer) => {
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature']
  const headers = Object.fromEntries(names.map((name) => [name, headerOf(head, name)]))
  const { id, input, output } = payloadSchema.parse(webhook.verify(body, headers))
  if (headers['webhook-id'] !== `wh-${id.slice(-26)}`) throw new Error('not the id of this prediction')
  const known = answers.find((one) => isSameAnswer(input, one.input))
  if (!known || !isSameAnswer(output, known.output)) throw new Error('a wrong output')
}

const headerOf = (head: string, name: string) =>
  new RegExp(`\r\n${name}: *([^\r]*)`, 'i').exec(head)?.[1] ?? ''
