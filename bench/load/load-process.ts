import { z } from 'zod'
import { toFailures } from '../figures/failures.ts'
import { summarizeLatency } from '../figures/statistics.ts'
import { isSameAnswer } from '../models/known-answer.ts'
import { answerParent } from '../processes/answer-parent.ts'
import { HttpConnection, toRequest } from './http-connection.ts'
import type { HttpAnswer } from './http-connection.ts'

const loadRequestSchema = z.object({
  url: z.string(),
  path: z.string(),
  clients: z.int(),
  /** sent in turn */
  bodies: z.array(z.string()),
  /** predictions in each body, of which the first is the answer after the last one of the body before */
  atOnce: z.int().default(1),
  /** `accepted`: 202 with a prediction; otherwise 200 and the output of each body */
  expected: z.union([z.literal('accepted'), z.array(z.unknown())]),
  /** ends after so many requests, or when no more are sent after so long */
  limit: z.union([z.object({ requests: z.int() }), z.object({ durationMs: z.number() })]),
})

type Load = z.infer<typeof loadRequestSchema>
type Accepted = { id: string; body: number }
type Check = (answer: HttpAnswer, body: number) => string | undefined

/** A server that hangs must not hang the bench. */
const patienceMs = 120_000

/**
 * The load generator: clients that each have one request under way, on connections of their own, and look at every answer.
 * In a process of its own, so that its CPU time can be told from that of the server.
 */
answerParent(async (message) => {
  const load = loadRequestSchema.parse(message)
  const url = new URL(load.url)
  const requests = load.bodies.map((body) => toRequest(url, load.path, body))
  const connections = await Promise.all(Array.from({ length: load.clients }, () => HttpConnection.open(url)))
  const closeAll = () => {
    for (const connection of connections) connection.close()
  }
  const timer = setTimeout(closeAll, patienceMs)
  try {
    return await run(load, requests, connections)
  } finally {
    clearTimeout(timer)
    closeAll()
  }
})

const run = async ({ expected, limit, atOnce }: Load, requests: string[], connections: HttpConnection[]) => {
  const accepted: Accepted[] = []
  const samplesMs: number[] = []
  const failures: string[] = []
  const check =
    expected === 'accepted'
      ? checkAccepted(accepted, { atOnce, bodies: requests.length })
      : checkOutputs(expected)
  const maxRequests = 'requests' in limit ? limit.requests : Infinity
  const until = performance.now() + ('durationMs' in limit ? limit.durationMs : Infinity)
  let sent = 0

  const beClient = async (connection: HttpConnection) => {
    while (sent < maxRequests && performance.now() < until) {
      const body = sent % requests.length
      sent += 1
      const sentAt = performance.now()
      const answer = await connection.send(requests[body] ?? '')
      samplesMs.push(performance.now() - sentAt)
      const failure = check(answer, body)
      if (failure !== undefined) failures.push(failure)
    }
  }
  const startedAt = Date.now()
  await Promise.all(
    connections.map((connection) =>
      beClient(connection).catch((err: unknown) => {
        failures.push(String(err))
      }),
    ),
  )
  return {
    startedAt,
    endedAt: Date.now(),
    requests: sent * atOnce,
    latencyMs: summarizeLatency(samplesMs),
    ...toFailures(failures),
    accepted,
  }
}

const checkAccepted =
  (accepted: Accepted[], { atOnce, bodies }: { atOnce: number; bodies: number }): Check =>
  ({ status, body: text }, body) => {
    const ids = [...text.matchAll(/"id":"([^"]+)"/g)].map(([, id = '']) => id)
    if (status !== 202 || ids.length !== atOnce) return describe(status, text)
    for (const [index, id] of ids.entries()) accepted.push({ id, body: (body * atOnce + index) % bodies })
    return undefined
  }

/** An answer that was found right is right again when it comes in the same bytes. */
const checkOutputs = (outputs: unknown[]): Check => {
  const knownGood: string[] = []
  return ({ status, body: text }, body) => {
    if (status !== 200) return describe(status, text)
    if (text === knownGood[body]) return undefined
    if (!isSameAnswer(JSON.parse(text), outputs[body])) return `a wrong answer: ${text.slice(0, 300)}`
    knownGood[body] = text
    return undefined
  }
}

const describe = (status: number, text: string) => `${status} ${text.slice(0, 300)}`
