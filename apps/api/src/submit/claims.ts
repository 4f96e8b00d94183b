import { createHash } from 'node:crypto'
import { modelKeys, redisScript } from '@onqueue/shared'
import type { DatedStore, NewClaim } from '@onqueue/shared'
import { z } from 'zod'
import type { SubmitRequest } from './submit-request.ts'

/**
 * Idempotency claims: who may add the prediction of an `Idempotency-Key`, and what it was asked for.
 *
 * The claim outlives the prediction. One that goes into a pack has it written in the same step, `isAdded`, with its id. Otherwise the
 * claim is written before the job, and the prediction's id is that of the claim. `isAdded` follows the job then: a claim that never
 * got so far (its process died, or Redis did) may be taken over after 5 s, one that did means that the prediction is gone.
 *
 *     (none) ──take──▶ taken ──job added──▶ added ──prediction swept or deleted──▶ added: 410
 *                        │  ▲
 *                        └──┘ older than 5 s, no job: taken over
 */
export type Claims = {
  read(model: string, id: string): Promise<Claim | null>
  /** The claim of a prediction that is added with it. */
  ofMember(model: string, id: string, claimed: { fingerprint: string; predictionId: string }): NewClaim
  /** Takes a claim that nobody has. Resolves to it as it is written, or to null where somebody else has it. */
  take(model: string, id: string, fingerprint: string): Promise<string | null>
  /** Takes over a claim with the same fingerprint whose owner did not get to add the job. Resolves to it as it is written. */
  takeOver(model: string, id: string, fingerprint: string): Promise<string>
  /** Notes that the job was added. What is lost when this fails is only the 410 afterwards. */
  markAdded(model: string, id: string, fingerprint: string): Promise<void>
  /** Gives up a claim whose prediction was refused, unless another process has taken it over meanwhile. */
  release(model: string, id: string, written: string): Promise<void>
}

const claimSchema = z.object({
  fingerprint: z.string(),
  at: z.number(),
  isAdded: z.boolean(),
  /** where it is another than the claim's */
  predictionId: z.string().optional(),
})
export type Claim = z.infer<typeof claimSchema>

/** A key is good for 24 h after its prediction is gone at the latest. */
const keyLifeMs = 24 * 3_600_000

export const createClaims = ({
  redis,
  namespace,
  clock,
  retentionMs,
}: DatedStore & {
  retentionMs: number
}): Claims => {
  const keyOf = (model: string, id: string) => modelKeys(namespace, model).claim(id)
  const textOf = (fingerprint: string, isAdded: boolean) =>
    JSON.stringify({ fingerprint, at: clock(), isAdded } satisfies Claim)
  const ttlMs = keyLifeMs + retentionMs
  const releaseClaim = releaseScript.on(redis)

  return {
    read: async (model, id) => parseClaim(await redis.get(keyOf(model, id))),
    ofMember: (model, id, { fingerprint, predictionId }) => ({
      key: keyOf(model, id),
      text: JSON.stringify({ fingerprint, at: clock(), isAdded: true, predictionId } satisfies Claim),
      ttlMs,
    }),
    take: async (model, id, fingerprint) => {
      const written = textOf(fingerprint, false)
      return (await redis.set(keyOf(model, id), written, 'PX', ttlMs, 'NX')) === null ? null : written
    },
    takeOver: async (model, id, fingerprint) => {
      const written = textOf(fingerprint, false)
      await redis.set(keyOf(model, id), written, 'PX', ttlMs)
      return written
    },
    markAdded: async (model, id, fingerprint) => {
      await redis.set(keyOf(model, id), textOf(fingerprint, true), 'PX', ttlMs, 'XX')
    },
    release: async (model, id, written) => {
      await releaseClaim.run({ keys: { claim: keyOf(model, id) }, args: { written } })
    },
  }
}

const releaseScript = redisScript({
  name: 'releaseClaim',
  keys: ['claim'],
  args: ['written'],
  reply: z.number(),
  lua: `
if redis.call('GET', claim) ~= written then return 0 end
return redis.call('DEL', claim)
`,
})

/** The same for bodies that ask for the same, however their fields are ordered. */
export const fingerprintOf = (model: string, request: SubmitRequest) =>
  createHash('sha256')
    .update(JSON.stringify(sorted([model, request])))
    .digest('base64url')

const parseClaim = (text: string | null) => (text === null ? null : claimSchema.parse(JSON.parse(text)))

// depth is bounded by parseJson
const sorted = (value: unknown): unknown => {
  // most long inputs are arrays of numbers, which need no copy
  if (Array.isArray(value)) return value.some((item) => typeof item === 'object') ? value.map(sorted) : value
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  )
}
