import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { toFailures } from '../figures/failures.ts'
import { summarizeLatency } from '../figures/statistics.ts'
import { answerParent } from '../processes/answer-parent.ts'
import { HttpConnection, toRequest } from './http-connection.ts'
import { isRightAnswer, readId, WrongAnswer } from './read-answer.ts'

const requestSchema = z.object({
  url: z.string(),
  calls: z.array(
    z.object({
      path: z.string(),
      body: z.string(),
      expected: z.unknown(),
      readPath: z.string().optional(),
    }),
  ),
  clients: z.int(),
  durationMs: z.number(),
  patienceMs: z.number(),
})

type Trouble = { isUnanswered: boolean; endedAt: number; reason: string }
type Ask = (connection: HttpConnection) => Promise<void>

/** Between two looks at a prediction, as a caller does who does not want to be a burden. */
const pollMs = 10
/** After a call that failed. */
const pauseMs = 50

answerParent(async (message) => {
  const { url: address, calls, clients, durationMs, patienceMs } = requestSchema.parse(message)
  const url = new URL(address)
  const asks = calls.map((call) => toAsk(url, call))
  const samplesMs: number[] = []
  const wrong: string[] = []
  const troubles: Trouble[] = []
  const until = performance.now() + durationMs
  let turn = 0

  const beClient = async () => {
    let connection: HttpConnection | undefined
    let isUnanswered = false
    const giveUp = () => {
      isUnanswered = true
      connection?.close()
    }
    while (performance.now() < until) {
      const ask = asks[turn++ % asks.length]
      const sentAt = performance.now()
      const timer = setTimeout(giveUp, patienceMs)
      try {
        connection ??= await HttpConnection.open(url)
        await ask?.(connection)
        samplesMs.push(performance.now() - sentAt)
      } catch (err) {
        if (err instanceof WrongAnswer) wrong.push(err.message)
        else troubles.push({ isUnanswered, endedAt: Date.now(), reason: String(err) })
        connection?.close()
        connection = undefined
        isUnanswered = false
        await sleep(pauseMs)
      } finally {
        clearTimeout(timer)
      }
    }
    connection?.close()
  }
  const startedAt = Date.now()
  await Promise.all(Array.from({ length: clients }, beClient))
  if (samplesMs.length === 0) {
    const [reason = 'none came to an end'] = [...wrong, ...troubles.map((trouble) => trouble.reason)]
    throw new Error(`no call of ${calls[0]?.path} had its right answer: ${reason}`)
  }
  return {
    startedAt,
    endedAt: Date.now(),
    answered: samplesMs.length,
    latencyMs: summarizeLatency(samplesMs),
    slowestMs: samplesMs.reduce((slowest, ms) => Math.max(slowest, ms), 0),
    wrong: toFailures(wrong),
    troubles,
  }
})

/** Resolves when the call has its right answer. Throws a `WrongAnswer` when it has another one. */
const toAsk = (
  url: URL,
  { path, body, expected, readPath }: z.infer<typeof requestSchema>['calls'][number],
): Ask => {
  const request = toRequest(url, path, body)
  const isRight = isRightAnswer(expected)
  if (readPath === undefined) {
    return async (connection) => {
      const answer = await connection.send(request)
      if (!isRight(answer)) throw new WrongAnswer(answer.body)
    }
  }
  return async (connection) => {
    const read = toRequest(url, readPath + readId(await connection.send(request)))
    while (!isRight(await connection.send(read))) await sleep(pollMs)
  }
}
