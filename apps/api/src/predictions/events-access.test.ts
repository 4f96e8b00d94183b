import type { EventsToken } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { opensEventsOf } from './events-access.ts'
import { predictionRecord, succeeded } from './prediction-record.fixture.ts'

const bound = (keyId: string | null, createdAt = 1000): EventsToken => ({ kind: 'bound', createdAt, keyId })
const unbound: EventsToken = { kind: 'unbound' }
const alices = predictionRecord({ job: { keyId: 'a1' } })
const anonymous = predictionRecord({ job: { owner: 'anonymous', keyId: null } })
const ofBefore = predictionRecord()

const opens = (
  record: typeof alices,
  token: EventsToken,
  { areTokensBound = true, now = 2000 }: { areTokensBound?: boolean; now?: number } = {},
) =>
  opensEventsOf(record, token, {
    hasKey: (owner, keyId) => owner === 'alice' && keyId === 'a1',
    areTokensBound,
    retentionMs: 10_000,
    now,
  })

test('a link is good while its key opens the server', () => {
  expect(opens(alices, bound('a1'))).toBe(true)
  expect(opens(alices, bound('a2'))).toBe(false)
  expect(opens(predictionRecord({ job: { owner: 'bob', keyId: 'a1' } }), bound('a1'))).toBe(false)
})

test('without keys a link is bound to none, and opens what nobody owns only', () => {
  expect(opens(anonymous, bound(null))).toBe(true)
  expect(opens(alices, bound(null))).toBe(false)
})

test('a link is good for the prediction that it was made for, and not for a later one of the same id', () => {
  expect(opens(alices, bound('a1', 999))).toBe(false)
})

test('a link is good for as long as its prediction is kept', () => {
  const ended = predictionRecord({ job: { keyId: 'a1' }, outcome: { ...succeeded, completedAt: 3000 } })

  expect(opens(ended, bound('a1'), { now: 13_000 })).toBe(true)
  expect(opens(ended, bound('a1'), { now: 13_001 })).toBe(false)
  expect(opens(predictionRecord({ outcome: succeeded }), unbound, { now: 13_001 })).toBe(false)
})

test('a link of the release before is good for its predictions, and for all while one of its processes is there', () => {
  expect(opens(ofBefore, unbound)).toBe(true)
  expect(opens(alices, unbound)).toBe(false)
  expect(opens(alices, unbound, { areTokensBound: false })).toBe(true)
})
