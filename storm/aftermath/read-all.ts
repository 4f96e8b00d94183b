import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { inParallel } from '../../tests/support/in-parallel.ts'
import { call } from '../http/caller.ts'
import type { Call } from '../http/caller.ts'
import type { FinalPrediction } from '../ledger/entry.ts'
import { parseJson, parsePrediction } from '../ledger/read-reply.ts'

/** A prediction as each API shows it at the end; null where it says that there is none. */
export type Found = { id: string; seen: (FinalPrediction | null)[] }

const lanes = 32
const tries = 20
const pageSchema = z.object({ results: z.array(z.object({ id: z.string() })), next: z.string().nullable() })

/** The ids of all predictions that are listed. */
export const listAll = async (url: string): Promise<string[]> => {
  const ids: string[] = []
  let path: string | null = '/v1/predictions?limit=100'
  while (path !== null) {
    const text: string = await readSurely(url, path)
    const page = pageSchema.parse(JSON.parse(text))
    ids.push(...page.results.map(({ id }) => id))
    path = page.next === null ? null : toPath(page.next)
  }
  return ids
}

/** Reads predictions from each API. */
export const readAll = (urls: readonly string[], ids: readonly string[]): Promise<Found[]> =>
  inParallel(ids.length, lanes, async (index) => {
    const id = ids[index] ?? ''
    const texts = await Promise.all(urls.map((url) => readSurely(url, `/v1/predictions/${id}`)))
    return { id, seen: texts.map((text) => parsePrediction(parseJson(text)) ?? null) }
  })

/** The answer to a read, with 200 or 404. Nothing dies any more, but what died last may still be coming up. */
const readSurely = async (url: string, path: string): Promise<string> => {
  const request: Call = { method: 'GET', path, timeoutMs: 60_000 }
  let last = ''
  for (let left = tries; left > 0; left -= 1) {
    const reply = await call(url, request)
    if (reply.kind === 'answered' && (reply.status === 200 || reply.status === 404)) return reply.text
    last = reply.kind === 'answered' ? `${reply.status} ${reply.text}` : reply.why
    await sleep(500)
  }
  throw new Error(`${path} can't be read when the storm is over: ${last}`)
}

const toPath = (link: string) => {
  const { pathname, search } = new URL(link)
  return pathname + search
}
