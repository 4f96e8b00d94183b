import { setTimeout as sleep } from 'node:timers/promises'
import { AppError, keyedPredictionId } from '@onqueue/shared'
import type { PredictionReader } from '../predictions/read-prediction.ts'
import type { AddPrediction, Submitted } from './add-prediction.ts'
import type { CheckedSubmission } from './check-submission.ts'
import { fingerprintOf } from './claims.ts'
import type { Claims } from './claims.ts'
import { outcomeUnknown } from './enqueue-prediction.ts'
import { planKeyedSubmit } from './plan-keyed-submit.ts'
import type { KeyedStep } from './plan-keyed-submit.ts'
import type { AwaitedSubmission } from './submit-prediction.ts'

const claimPollMs = 50

/**
 * Submits a prediction once for all requests with its idempotency key, step by step as `planKeyedSubmit` says. Throws
 * `idempotency_key_reused` (another body), `result_expired` (its prediction is gone) and `outcome_unknown`, beside what a
 * submit without a key throws.
 */
export const createSubmitKeyed = ({
  claims,
  reader,
  add,
  secrets,
  clock,
}: {
  claims: Claims
  reader: Pick<PredictionReader, 'find'>
  add: AddPrediction
  /** under which the ids are made: new ones under the first */
  secrets: () => readonly [string, ...string[]]
  /** Redis' */
  clock: () => number
}) => {
  const addClaimed = async (
    id: string,
    checked: CheckedSubmission,
    { fingerprint, isAwaited, written }: Claimed & { written: string },
  ) => {
    const { model } = checked.job
    try {
      const submitted = await add.addUnder(id, checked, { isAwaited })
      // losing this costs no more than a 410 later on, so nobody waits for it
      void claims.markAdded(model, id, fingerprint).catch(() => undefined)
      return submitted
    } catch (err) {
      // refusals are not remembered; and what can't be released now is taken over in 5 s
      const isUnknown = err instanceof AppError && err.code === 'outcome_unknown'
      if (!isUnknown) await claims.release(model, id, written).catch(() => undefined)
      throw err
    }
  }

  /** Null where somebody else has the key by now. */
  const addClaiming = async (id: string, checked: CheckedSubmission, claimed: Claimed) => {
    const { fingerprint } = claimed
    const { model } = checked.job
    if (add.takesClaims(checked)) {
      return add.addClaiming(checked, claimed, (predictionId) =>
        claims.ofMember(model, id, { fingerprint, predictionId }),
      )
    }
    const written = await claims.take(model, id, fingerprint)
    return written === null ? null : addClaimed(id, checked, { ...claimed, written })
  }

  /** While a secret is changed, a key that was used under the one before it keeps the prediction that it has. */
  const findId = async (request: { model: string; owner: string; idempotencyKey: string }) => {
    const [id, ...others] = secrets().map((secret) => keyedPredictionId({ ...request, secret }))
    for (const other of others) if (await claims.read(request.model, other)) return other
    return id ?? ''
  }

  return async (
    { model, owner, isAwaited }: Pick<AwaitedSubmission, 'model' | 'owner' | 'isAwaited'>,
    { key, fingerprint }: Idempotency,
    /** checks and admits */
    prepare: () => Promise<CheckedSubmission>,
  ): Promise<Submitted> => {
    const id = await findId({ model, owner, idempotencyKey: key })
    const startedAt = performance.now()
    for (;;) {
      const claim = await claims.read(model, id)
      // what another request asked for is nothing that this one has to read
      const record =
        claim?.fingerprint === fingerprint ? await reader.find(claim.predictionId ?? id, owner) : null
      const waitedMs = performance.now() - startedAt
      const step = planKeyedSubmit({ claim, record, fingerprint, now: clock(), waitedMs })
      switch (step.kind) {
        case 'take': {
          const checked = await prepare()
          const submitted = await addClaiming(id, checked, { fingerprint, isAwaited })
          if (submitted) return submitted
          break
        }
        case 'take-over': {
          const checked = await prepare()
          const written = await claims.takeOver(model, id, fingerprint)
          return addClaimed(id, checked, { fingerprint, isAwaited, written })
        }
        case 'replay':
          return { record: step.record, isReplay: true, expected: null }
        case 'wait':
          await sleep(claimPollMs)
          break
        case 'refuse':
          throw refusal(step.why, id)
      }
    }
  }
}

type Claimed = { fingerprint: string; isAwaited: boolean }

/** A key, and what it stands for. */
export type Idempotency = { key: string; fingerprint: string }

/** What a key of a submission stands for. Of a long input it was made where the input was read. */
export const fingerprintOfRead = ({
  model,
  request,
  input,
}: Pick<AwaitedSubmission, 'model' | 'request' | 'input'>) => {
  if ('value' in input) return fingerprintOf(model, { ...request, input: input.value })
  if (input.fingerprint !== null) return input.fingerprint
  throw new Error('unreachable: a submission with a key is read with a fingerprint')
}

const refusal = (why: Extract<KeyedStep, { kind: 'refuse' }>['why'], id: string) => {
  switch (why) {
    case 'reused':
      return new AppError(
        'idempotency_key_reused',
        'this Idempotency-Key was used for another request; use a new one',
      )
    case 'expired':
      return new AppError(
        'result_expired',
        'the prediction of this Idempotency-Key is gone; use a new key to run it again',
      )
    case 'unknown':
      return outcomeUnknown(id, { isKeyed: true })
  }
}
