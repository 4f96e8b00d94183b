import { openAsBlob } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { batchSchema } from '@onqueue/shared'
import type { Batch } from '@onqueue/shared'
import { call } from '../http/caller.ts'
import { parseJson } from '../ledger/read-reply.ts'

/** A batch that was made, and what its client was answered before: why each try did not do it. */
export type MadeBatch = { id: string; refusals: string[] }

const uploadTimeoutMs = 120_000
const restMs = 200
const lookMs = 200
/** Of a batch that makes no progress any more. */
const patienceMs = 300_000

/** Sends a table along until it is accepted, with one key, to one API after the other. */
export const submitBatch = async (
  urls: readonly string[],
  { model, path, key, webhook }: { model: string; path: string; key: string; webhook: string | undefined },
): Promise<MadeBatch> => {
  const query = new URLSearchParams({
    id_column: 'name',
    output_format: 'jsonl',
    ...(webhook === undefined ? {} : { webhook }),
  })
  const refusals: string[] = []
  for (let tries = 0; ; tries += 1) {
    const reply = await call(urls[tries % urls.length] ?? '', {
      method: 'POST',
      path: `/v1/models/${model}/batches?${query.toString()}`,
      content: await openAsBlob(path, { type: 'text/csv' }),
      headers: { 'idempotency-key': key },
      timeoutMs: uploadTimeoutMs,
    })
    const batch = reply.kind === 'answered' ? parseBatchText(reply.text) : undefined
    if (batch) return { id: batch.id, refusals }
    const why = reply.kind === 'answered' ? `${reply.status} ${reply.text}` : reply.why
    if (reply.kind === 'answered' && reply.status !== 503) throw new Error(`the batch was refused: ${why}`)
    refusals.push(why)
    await sleep(restMs)
  }
}

/** Looks at a batch, at one API after the other, until it has ended or stands still. Answers all that it saw. */
export const followBatch = async (urls: readonly string[], id: string): Promise<Batch[]> => {
  const seen: Batch[] = []
  let movedAt = performance.now()
  for (let looks = 0; performance.now() - movedAt < patienceMs; looks += 1) {
    const reply = await call(urls[looks % urls.length] ?? '', { method: 'GET', path: `/v1/batches/${id}` })
    const batch = reply.kind === 'answered' ? parseBatchText(reply.text) : undefined
    if (batch) {
      if (batch.counts.completed !== seen.at(-1)?.counts.completed) movedAt = performance.now()
      seen.push(batch)
      if (batch.completed_at !== null) break
    }
    await sleep(lookMs)
  }
  return seen
}

const parseBatchText = (text: string): Batch | undefined => batchSchema.safeParse(parseJson(text)).data
