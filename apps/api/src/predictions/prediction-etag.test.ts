import { endedOutcome } from '@onqueue/shared'
import type { PredictionRecord } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { etagOf, matchesEtag } from './prediction-etag.ts'

const queued: Pick<PredictionRecord, 'outcome' | 'takenAt'> = { outcome: null, takenAt: null }
const outcome = endedOutcome('canceled', { code: 'canceled', detail: '', now: 36 })

test('each state of a prediction has its own ETag', () => {
  expect(etagOf(queued)).toBe('W/"queued"')
  expect(etagOf({ ...queued, takenAt: 35 })).toBe('W/"processing-z"')
  expect(etagOf({ ...queued, outcome })).toBe('W/"canceled-10"')
})

test('If-None-Match is compared weakly, and may be a list', () => {
  expect(matchesEtag('W/"queued"', 'W/"queued"')).toBe(true)
  expect(matchesEtag('"queued"', 'W/"queued"')).toBe(true)
  expect(matchesEtag('"other", W/"queued"', 'W/"queued"')).toBe(true)
  expect(matchesEtag('*', 'W/"queued"')).toBe(true)
  expect(matchesEtag('"processing-z"', 'W/"queued"')).toBe(false)
  expect(matchesEtag(undefined, 'W/"queued"')).toBe(false)
})
