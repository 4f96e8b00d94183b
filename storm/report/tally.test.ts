import { expect, test } from 'vitest'
import { Ledger } from '../ledger/ledger.ts'
import { tallyUp } from './tally.ts'

const question = {
  model: 'echo',
  input: { i: 1 },
  answer: { status: 'succeeded', output: { y: 1 } },
} as const

test('tries, answers and blows are counted by kind', () => {
  const ledger = new Ledger()
  const first = ledger.open({ ordinal: 0, kind: 'keyed', question, key: 'a' })
  first.tries.push(
    { at: 1, answer: { kind: 'refused', status: 503, code: 'queue_unavailable' } },
    { at: 2, answer: { kind: 'accepted', id: 'echo-1' } },
  )
  const second = ledger.open({ ordinal: 1, kind: 'predict', question })
  second.tries.push({ at: 1, answer: { kind: 'unknown', why: 'ECONNRESET', id: null } })

  const tally = tallyUp({ entries: ledger.entries, found: [], arrivals: [] }, [
    { kind: 'kill', victim: 'redis', at: 1, to: 'Redis' },
  ])

  expect(tally).toMatchObject({
    kinds: {
      keyed: { wanted: 1, tries: 2, accepted: 1, refused: 1, unknown: 0, untold: 0 },
      predict: { wanted: 1, tries: 1, accepted: 0, refused: 0, unknown: 1, untold: 1 },
    },
    reasons: { 'refused: 503 queue_unavailable': 1, 'unknown: ECONNRESET': 1 },
    blows: { 'kill redis': 1 },
    untold: { 'ECONNRESET: not there': 1 },
  })
})
