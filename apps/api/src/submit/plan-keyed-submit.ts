import type { PredictionRecord } from '@onqueue/shared'
import type { Claim } from './claims.ts'

/** What a submit with an idempotency key does next. */
export type KeyedStep =
  | { kind: 'take' }
  | { kind: 'take-over' }
  | { kind: 'replay'; record: PredictionRecord }
  | { kind: 'wait' }
  | { kind: 'refuse'; why: 'reused' | 'expired' | 'unknown' }

/** A claim without a job that is older than this was left behind by a process that died. */
const maxClaimAgeMs = 5000
/** How long a second submit with the same key waits for the first one to add the job. */
const maxClaimWaitMs = 2000

/**
 * The step that follows from the claim of the key and the prediction under its id, the first row that fits:
 *
 * | claim                     | prediction | waited   | next                                              |
 * | ------------------------- | ---------- | -------- | ------------------------------------------------- |
 * | none                      |            |          | take it                                           |
 * | of another request        |            |          | refuse: the key was reused                        |
 * | of this request           | there      |          | replay it                                         |
 * | its job was added         | gone       |          | refuse: the result has expired                    |
 * | no job, older than 5 s    | not there  |          | take it over: whoever had it died                 |
 * | no job                    | not there  | over 2 s | refuse: nobody knows, and a retry will find out   |
 * | no job                    | not there  |          | wait: whoever has it is about to add the job      |
 */
export const planKeyedSubmit = ({
  claim,
  record,
  fingerprint,
  now,
  waitedMs,
}: {
  claim: Claim | null
  /** only looked at where the claim is of this request */
  record: PredictionRecord | null
  /** of this request */
  fingerprint: string
  /** ms since the epoch, as `claim.at` */
  now: number
  waitedMs: number
}): KeyedStep => {
  if (claim === null) return { kind: 'take' }
  if (claim.fingerprint !== fingerprint) return { kind: 'refuse', why: 'reused' }
  if (record !== null) return { kind: 'replay', record }
  if (claim.isAdded) return { kind: 'refuse', why: 'expired' }
  if (now - claim.at > maxClaimAgeMs) return { kind: 'take-over' }
  return waitedMs > maxClaimWaitMs ? { kind: 'refuse', why: 'unknown' } : { kind: 'wait' }
}
