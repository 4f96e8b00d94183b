import { z } from 'zod'
import type { Reply } from '../http/caller.ts'
import type { TryAnswer } from './entry.ts'
import { parseJson, readReply } from './read-reply.ts'

const acceptedSchema = z.looseObject({ id: z.string(), urls: z.looseObject({ get: z.string() }) })
const problemSchema = z.looseObject({ status: z.number(), code: z.string() })
const refusedSchema = z.looseObject({ results: z.array(z.unknown()) })

/** What the reply to a bulk says about each of its predictions. */
export const readBulkReply = (reply: Reply, count: number): TryAnswer[] => {
  const body = reply.kind === 'answered' ? parseJson(reply.text) : undefined
  const refused = refusedSchema.safeParse(body)
  const lines: unknown[] | undefined = Array.isArray(body) ? body : refused.data?.results
  // refused as a whole, or not answered at all
  if (!lines) return Array<TryAnswer>(count).fill(readReply(reply).answer)
  if (lines.length !== count) return Array<TryAnswer>(count).fill(odd(lines))
  return lines.map(readLine)
}

const readLine = (line: unknown): TryAnswer => {
  const accepted = acceptedSchema.safeParse(line)
  if (accepted.success) return { kind: 'accepted', id: accepted.data.id }
  const problem = problemSchema.safeParse(line)
  if (!problem.success) return odd(line)
  const { status } = problem.data
  return readReply({ kind: 'answered', status, headers: new Headers(), text: JSON.stringify(line) }).answer
}

const odd = (value: unknown): TryAnswer => ({ kind: 'odd', status: 202, text: JSON.stringify(value) })
