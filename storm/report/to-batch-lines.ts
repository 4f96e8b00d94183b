import type { BatchEvidence } from '../judge/judge-batch.ts'
import type { StormedBatch } from '../submits/batch-in-storm.ts'

/** What the table says of a batch. */
export const toBatchLines = (
  { id, rows, badRows, last, scored, watch, arrivals }: BatchEvidence,
  { refusals, missed, sightings }: Pick<StormedBatch, 'refusals' | 'missed' | 'sightings'>,
): string[] => {
  const [end] = last
  const output = scored[0]?.output
  const number = (value: number) => value.toLocaleString('en')
  return [
    '',
    `Batch: ${id} of ${number(rows)} rows, ${number(badRows)} of them bad, sent ${refusals.length + 1} times`,
    `Ended: ${end?.status ?? 'not at all'} ${JSON.stringify(end?.counts ?? {})} after ${number(secondsOf(end))} s, seen ${number(sightings.length)} times`,
    `Output: ${number(output?.bytes ?? 0)} bytes, sha256 ${output?.sha256 ?? ''}`,
    `Blows that came too late: ${missed}`,
    `Redis was looked through ${number(watch.looks)} times; the end was posted ${number(arrivals.reduce((sum, { posts }) => sum + posts, 0))} times`,
  ]
}

const secondsOf = (batch: BatchEvidence['last'][number] | undefined) =>
  batch?.completed_at ? (Date.parse(batch.completed_at) - Date.parse(batch.created_at)) / 1000 : 0
