import { expect, test } from 'vitest'
import type { Census } from '../aftermath/census.ts'
import type { Entry, FinalPrediction, TryAnswer, WebhookAsked } from '../ledger/entry.ts'
import type { Answer } from '../questions/question.ts'
import type { Arrival } from '../receiver/receiver.ts'
import type { Evidence } from './evidence.ts'
import { judge } from './judge.ts'

const idOf = (ordinal: number) => `echo-0000000000000000000000${String(ordinal).padStart(4, '0')}`

const predictionOf = (ordinal: number, more: Partial<FinalPrediction> = {}): FinalPrediction => ({
  id: idOf(ordinal),
  model: 'echo',
  status: 'succeeded',
  input: { i: ordinal },
  output: { y: ordinal },
  error: null,
  metadata: { storm: String(ordinal) },
  created_at: '2026-01-01T00:00:00.000Z',
  started_at: '2026-01-01T00:00:00.000Z',
  completed_at: '2026-01-01T00:00:01.000Z',
  webhook: null,
  ...more,
})

const accepted = (ordinal: number): TryAnswer => ({ kind: 'accepted', id: idOf(ordinal) })
const refused: TryAnswer = { kind: 'refused', status: 503, code: 'queue_unavailable' }
const unknown: TryAnswer = { kind: 'unknown', why: 'ECONNRESET', id: null }

const entryOf = (ordinal: number, more: Partial<Entry> & { answers?: TryAnswer[] } = {}): Entry => {
  const { answers = [accepted(ordinal)], ...rest } = more
  return {
    ordinal,
    kind: 'submit and poll',
    question: {
      model: 'echo',
      input: { i: ordinal },
      answer: { status: 'succeeded', output: { y: ordinal } },
    },
    key: null,
    webhook: null,
    mayEnd: new Set(),
    isDeleted: false,
    tries: answers.map((answer) => ({ at: Date.parse('2026-01-01'), answer })),
    bareOutputs: [],
    sightings: [],
    ...rest,
  }
}

const quiet: Census = { counters: { 'echo: waiting': 0 }, jobs: [], families: {}, strangers: [], orphans: [] }

const evidenceOf = ({
  entries = [],
  predictions = [],
  ...more
}: Partial<Evidence> & { predictions?: FinalPrediction[] }): Evidence => ({
  entries,
  found: predictions.map((prediction) => ({ id: prediction.id, seen: [prediction, prediction] })),
  arrivals: [],
  census: quiet,
  defects: [],
  leftovers: { processes: [], files: [] },
  ...more,
})

/** The rules that were broken, and by whom. */
const brokenBy = (evidence: Evidence) => judge(evidence).map(({ rule, id }) => [rule, id])

test('a prediction that was accepted, ended right and is shown the same by all is as it should be', () => {
  const [entry, prediction] = [entryOf(1), predictionOf(1)]
  entry.sightings.push({ via: 'wait', id: prediction.id, prediction: { ...prediction, webhook: {} } })

  expect(brokenBy(evidenceOf({ entries: [entry], predictions: [prediction] }))).toEqual([])
})

test('an accepted prediction that one API does not know is lost', () => {
  const found = [{ id: idOf(1), seen: [predictionOf(1), null] }]

  expect(brokenBy(evidenceOf({ entries: [entryOf(1)], found }))).toEqual([['lost', idOf(1)]])
})

test('a prediction that never ends is unfinished', () => {
  const predictions = [predictionOf(1, { status: 'processing', output: null, completed_at: null })]

  expect(brokenBy(evidenceOf({ entries: [entryOf(1)], predictions }))).toEqual([['unfinished', idOf(1)]])
})

test('an output of another prediction is wrong, and mixed up', () => {
  const entries = [entryOf(1), entryOf(2)]
  const predictions = [predictionOf(1, { output: { y: 2 } }), predictionOf(2)]

  expect(brokenBy(evidenceOf({ entries, predictions }))).toEqual([
    ['wrong outcome', idOf(1)],
    ['mixed up', idOf(1)],
  ])
})

test('a number that is off by one is wrong, however large it is', () => {
  const entries = [entryOf(1_000_000)]
  const predictions = [predictionOf(1_000_000, { output: { y: 1_000_001 } })]

  expect(brokenBy(evidenceOf({ entries, predictions }))).toEqual([['wrong outcome', idOf(1_000_000)]])
})

test('a failure is wrong where there should be an output', () => {
  const error = { code: 'worker_lost', detail: '' }
  const predictions = [predictionOf(1, { status: 'failed', output: null, error })]

  expect(brokenBy(evidenceOf({ entries: [entryOf(1)], predictions }))).toEqual([['wrong outcome', idOf(1)]])
})

test('a failure has the code of its question, or the other one where that has two', () => {
  const answer = { status: 'failed', code: 'executor_crashed', output: null, badRows: [] } as const
  const faultsOf = (code: string, asked: Answer) => {
    const question = { model: 'echo', input: { i: 1 }, answer: asked }
    const failed = predictionOf(1, { status: 'failed', output: null, error: { code, detail: '' } })
    return brokenBy(evidenceOf({ entries: [entryOf(1, { question })], predictions: [failed] }))
  }

  expect(faultsOf('executor_crashed', answer)).toEqual([])
  expect(faultsOf('worker_lost', { ...answer, orCode: 'worker_lost' })).toEqual([])
  expect(faultsOf('worker_lost', answer)).toEqual([['wrong outcome', idOf(1)]])
  expect(faultsOf('inference_failed', { ...answer, orCode: 'worker_lost' })).toEqual([
    ['wrong outcome', idOf(1)],
  ])
})

test('a cancellation is right only where its client asked for it', () => {
  const predictions = [
    predictionOf(1, { status: 'canceled', output: null, error: { code: 'canceled', detail: '' } }),
  ]
  const entries = [entryOf(1)]

  expect(brokenBy(evidenceOf({ entries, predictions }))).toEqual([['wrong outcome', idOf(1)]])
  entries[0]?.mayEnd.add('canceled')
  expect(brokenBy(evidenceOf({ entries, predictions }))).toEqual([])
})

test('a result that was another one before has changed', () => {
  const [entry, prediction] = [entryOf(1), predictionOf(1)]
  const before = { ...prediction, completed_at: '2026-01-01T00:00:00.500Z' }
  entry.sightings.push({ via: 'events', id: prediction.id, prediction: before })

  expect(brokenBy(evidenceOf({ entries: [entry], predictions: [prediction] }))).toEqual([
    ['changed', idOf(1)],
  ])
})

test('one key with two predictions is doubled', () => {
  const entries = [entryOf(1, { key: 'a', answers: [accepted(1), accepted(2)] })]
  const predictions = [predictionOf(1), predictionOf(1, { id: idOf(2) })]

  expect(brokenBy(evidenceOf({ entries, predictions }))).toEqual([['doubled', `${idOf(1)}, ${idOf(2)}`]])
})

test('a key that was answered with one prediction twice is as it should be', () => {
  const entries = [entryOf(1, { key: 'a', answers: [unknown, accepted(1), accepted(1)] })]

  expect(brokenBy(evidenceOf({ entries, predictions: [predictionOf(1)] }))).toEqual([])
})

test('a key whose prediction is gone though nobody deleted it has lost it', () => {
  const gone: TryAnswer = { kind: 'refused', status: 410, code: 'result_expired' }

  expect(brokenBy(evidenceOf({ entries: [entryOf(1, { key: 'a', answers: [gone] })] }))).toEqual([
    ['lost', 'submit and poll 1'],
  ])
})

test('what was refused may not run', () => {
  const entries = [entryOf(1, { answers: [refused] })]

  expect(brokenBy(evidenceOf({ entries, predictions: [predictionOf(1)] }))).toEqual([
    ['ran though refused', idOf(1)],
  ])
})

test('what was refused may be there as canceled before it ran', () => {
  const entries = [entryOf(1, { answers: [refused] })]
  const predictions = [predictionOf(1, { status: 'canceled', output: null, started_at: null })]

  expect(brokenBy(evidenceOf({ entries, predictions }))).toEqual([])
})

test('what ran and was canceled then was not called off', () => {
  const entries = [entryOf(1, { answers: [refused] })]
  const predictions = [predictionOf(1, { status: 'canceled', output: null })]

  expect(brokenBy(evidenceOf({ entries, predictions }))).toContainEqual(['ran though refused', idOf(1)])
})

test('what nobody knows may have run once, not twice', () => {
  const entries = [entryOf(1, { answers: [unknown] })]
  const once = [predictionOf(1)]

  expect(brokenBy(evidenceOf({ entries, predictions: once }))).toEqual([])
  expect(brokenBy(evidenceOf({ entries, predictions: [...once, predictionOf(1, { id: idOf(2) })] }))).toEqual(
    [['doubled', `${idOf(1)}, ${idOf(2)}`]],
  )
})

test('a bare output is found by its input, and is held against what it should be', () => {
  const answers: TryAnswer[] = [{ kind: 'accepted', id: null }]
  const entries = [
    entryOf(1, { answers, bareOutputs: [{ y: 1 }] }),
    entryOf(2, { answers, bareOutputs: [{ y: 3 }] }),
    entryOf(3, { answers, bareOutputs: [{ y: 3 }] }),
  ]
  const predictions = [predictionOf(1, { metadata: {} }), predictionOf(2, { metadata: {} })]

  expect(brokenBy(evidenceOf({ entries, predictions }))).toEqual([
    ['wrong answer', 'submit and poll 2'],
    ['lost', 'submit and poll 3'],
  ])
})

test('an answer that no server should give is odd', () => {
  const entries = [entryOf(1, { answers: [{ kind: 'odd', status: 500, text: 'oops' }] })]

  expect(brokenBy(evidenceOf({ entries }))).toEqual([['odd answer', 'submit and poll 1']])
})

test('a prediction that nobody asked for is a stray', () => {
  const predictions = [predictionOf(7, { metadata: {} })]

  expect(brokenBy(evidenceOf({ predictions }))).toEqual([['stray', idOf(7)]])
})

test('a deleted prediction may be gone, or not yet', () => {
  const entries = [entryOf(1, { isDeleted: true }), entryOf(2, { isDeleted: true })]
  const found = [
    { id: idOf(1), seen: [null, null] },
    { id: idOf(2), seen: [predictionOf(2), null] },
  ]

  expect(brokenBy(evidenceOf({ entries, found }))).toEqual([])
})

const full: WebhookAsked = { events: ['completed'], payload: 'full' }
const arrivalOf = (ordinal: number, bodies: object[], more: Partial<Arrival> = {}): Arrival => ({
  webhookId: `wh-${idOf(ordinal).slice(-26)}`,
  texts: new Set(bodies.map((body) => JSON.stringify(body))),
  posts: bodies.length,
  taken: 1,
  forgeries: [],
  ...more,
})
const told = (arrivals: Arrival[], webhook: WebhookAsked | null = full) =>
  brokenBy(evidenceOf({ entries: [entryOf(1, { webhook })], predictions: [predictionOf(1)], arrivals }))

test('a webhook that came as the prediction is, and was taken, is as it should be', () => {
  expect(told([arrivalOf(1, [{ ...predictionOf(1), webhook: { status: 'pending' } }])])).toEqual([])
})

test('a webhook that is due and never taken is missing', () => {
  const webhookOfNone = [['webhook missing', idOf(1)]]

  expect(told([])).toEqual(webhookOfNone)
  expect(told([arrivalOf(1, [predictionOf(1)], { taken: 0 })])).toEqual(webhookOfNone)
})

test('a webhook whose attempts differ has changed', () => {
  const bodies = [predictionOf(1), { ...predictionOf(1), note: 'again' }]

  expect(told([arrivalOf(1, bodies)])).toEqual([['webhook changed', 'wh-00000000000000000000000001']])
})

test.each<[string, Arrival, WebhookAsked | null]>([
  ['that says something else', arrivalOf(1, [predictionOf(1, { output: { y: 5 } })]), full],
  ['that should be thin', arrivalOf(1, [predictionOf(1)]), { events: ['completed'], payload: 'thin' }],
  ['that was not asked for', arrivalOf(1, [predictionOf(1)]), null],
  ['with the id of another', arrivalOf(2, [predictionOf(1)]), { events: ['start'], payload: 'full' }],
  ['of nobody', arrivalOf(9, [predictionOf(9)]), null],
])('a webhook %s is wrong', (_, arrival, webhook) => {
  expect(told([arrival], webhook)).toContainEqual(['webhook wrong', arrival.webhookId])
})

test('a webhook with a signature that does not fit is told', () => {
  const arrival = arrivalOf(1, [predictionOf(1)], { forgeries: ['No matching signature found'] })

  expect(told([arrival])).toEqual([['webhook not signed', arrival.webhookId]])
})

test('what is left at the end is told by its name', () => {
  const evidence = evidenceOf({
    census: { ...quiet, counters: { 'echo: extra rows': 3 }, strangers: ['storm:x'], orphans: ['storm:y'] },
    defects: [{ name: 'API 1', what: 'ended by itself, with 1', log: '' }],
    leftovers: { processes: ['12-34'], files: ['core'] },
  })

  expect(brokenBy(evidence)).toEqual([
    ['counter wrong', 'echo: extra rows'],
    ['key unknown', 'storm:x'],
    ['key left', 'storm:y'],
    ['process died', 'API 1'],
    ['process left', '12-34'],
    ['file left', 'core'],
  ])
})
