import { expect, test } from 'vitest'
import { planKeyedSubmit } from './plan-keyed-submit.ts'
import { predictionRecord } from '../predictions/prediction-record.fixture.ts'

const record = predictionRecord()
const claimed = { fingerprint: 'f1', at: 10_000, isAdded: false }
const asked = { claim: claimed, record: null, fingerprint: 'f1', now: 10_000, waitedMs: 0 }

test('a key that nobody has is taken', () => {
  expect(planKeyedSubmit({ ...asked, claim: null })).toEqual({ kind: 'take' })
})

test('a key of another request is refused, whatever became of that', () => {
  const reused = { kind: 'refuse', why: 'reused' }

  expect(planKeyedSubmit({ ...asked, fingerprint: 'f2' })).toEqual(reused)
  expect(planKeyedSubmit({ ...asked, fingerprint: 'f2', record })).toEqual(reused)
  expect(planKeyedSubmit({ ...asked, fingerprint: 'f2', now: 99_000 })).toEqual(reused)
})

test('the prediction of the key is given again, also where its claim does not know of the job', () => {
  expect(planKeyedSubmit({ ...asked, record })).toEqual({ kind: 'replay', record })
  expect(planKeyedSubmit({ ...asked, record, claim: { ...claimed, isAdded: true } })).toEqual({
    kind: 'replay',
    record,
  })
})

test('a prediction that was there and is gone has expired, however old the claim', () => {
  const claim = { ...claimed, isAdded: true }

  expect(planKeyedSubmit({ ...asked, claim })).toEqual({ kind: 'refuse', why: 'expired' })
  expect(planKeyedSubmit({ ...asked, claim, now: 99_000 })).toEqual({ kind: 'refuse', why: 'expired' })
})

test('whoever has the key is waited for, but not for ever', () => {
  expect(planKeyedSubmit({ ...asked, waitedMs: 2000 })).toEqual({ kind: 'wait' })
  expect(planKeyedSubmit({ ...asked, waitedMs: 2001 })).toEqual({ kind: 'refuse', why: 'unknown' })
})

test('a claim that its process left behind is taken over', () => {
  expect(planKeyedSubmit({ ...asked, now: 15_000 })).toEqual({ kind: 'wait' })
  expect(planKeyedSubmit({ ...asked, now: 15_001 })).toEqual({ kind: 'take-over' })
  expect(planKeyedSubmit({ ...asked, now: 15_001, waitedMs: 2001 })).toEqual({ kind: 'take-over' })
})
