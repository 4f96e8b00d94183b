import { createWriteStream, openAsBlob } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { batchSchema } from '@onqueue/shared/contract'
import { rateOf } from '../figures/statistics.ts'
import type { BatchFile } from '../models/batch-files.ts'
import { followBatch } from './follow-batch.ts'

/** A file that was handed over as a batch and collected again; times are by the clock, from the first byte that was sent. */
export type ScoredBatch = {
  id: string
  /** it was taken in, and is a batch */
  acceptedMs: number
  endedMs: number
  /** all of its output is here */
  receivedMs: number
  /** rows a second while it was scored: from the first chunk that was done to the end; NaN where there is but one */
  scoredPerSecond: number
}

const types = { jsonl: 'application/jsonl', csv: 'text/csv', parquet: 'application/vnd.apache.parquet' }

/** As a caller would: sends a file, follows its batch until that has ended, and writes the output into another file. */
export const scoreBatch = async (
  url: string,
  { model, file, output }: { model: string; file: BatchFile; output: string },
): Promise<ScoredBatch> => {
  const outputFormat = file.format === 'parquet' ? 'parquet' : 'jsonl'
  const startedAt = performance.now()
  const elapsedMs = () => performance.now() - startedAt
  const sent = await fetch(`${url}/v1/models/${model}/batches?output_format=${outputFormat}`, {
    method: 'POST',
    headers: { 'content-type': types[file.format] },
    body: await openAsBlob(file.path),
  })
  if (!sent.ok) throw new Error(`POST batches: ${sent.status} ${await sent.text()}`)
  const submitted = batchSchema.parse(await sent.json())
  const acceptedMs = elapsedMs()

  let batch = submitted
  let first: { ms: number; rows: number } | undefined
  for await (batch of followBatch(submitted.urls.events)) {
    const rows = batch.counts.completed
    if (first === undefined && rows > 0 && rows < file.rows) first = { ms: elapsedMs(), rows }
  }
  const endedMs = elapsedMs()
  if (batch.status !== 'completed' || batch.counts.completed !== file.rows)
    throw new Error(`a batch of ${file.rows} rows ended with ${JSON.stringify(batch)}`)

  const answer = await fetch(submitted.urls.output)
  if (!answer.ok || !answer.body) throw new Error(`no output: ${answer.status} ${await answer.text()}`)
  await pipeline(answer.body, createWriteStream(output))
  const scoredPerSecond = first ? rateOf(file.rows - first.rows, endedMs - first.ms) : NaN
  return { id: batch.id, acceptedMs, endedMs, receivedMs: elapsedMs(), scoredPerSecond }
}
