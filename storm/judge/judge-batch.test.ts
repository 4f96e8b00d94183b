import { batchSchema } from '@onqueue/shared'
import { expect, test } from 'vitest'
import type { Entry } from '../ledger/entry.ts'
import { judgeBatch } from './judge-batch.ts'
import type { BatchEvidence } from './judge-batch.ts'

const id = 'batch-iris-00000000000000000000000000'
const url = `http://storm.test/v1/batches/${id}`
const batch = batchSchema.parse({
  object: 'batch',
  id,
  model: 'iris',
  version: '1',
  status: 'completed',
  counts: { total: 100, completed: 98, failed: 2, pending: 0 },
  rows_per_second: 10,
  eta: null,
  input_file: 'file-1',
  input_format: 'csv',
  output_format: 'jsonl',
  encoding_format: 'float',
  output_file: { bytes: 1000, is_complete: true },
  errors_file: { bytes: 50 },
  error: null,
  reason: null,
  priority: 'normal',
  metadata: {},
  created_at: '2026-01-01T00:00:00.000Z',
  started_at: '2026-01-01T00:00:01.000Z',
  completed_at: '2026-01-01T00:00:09.000Z',
  expires_at: '2026-01-08T00:00:00.000Z',
  urls: { get: url, output: url, errors: url, cancel: url, events: url },
})
const running = {
  ...batch,
  status: 'in_progress' as const,
  counts: { total: null, completed: 40, failed: 1, pending: null },
  completed_at: null,
}
const files = { output: { bytes: 1000, sha256: 'aa' }, errors: { bytes: 50, sha256: 'bb' } }
const arrival = {
  webhookId: 'wh-batch-00000000000000000000000000',
  texts: new Set([JSON.stringify(batch)]),
  posts: 2,
  taken: 1,
  forgeries: [],
}

const prediction = {
  id: 'iris-1',
  status: 'succeeded',
  error: null,
  metadata: {},
  created_at: '2026-01-01T00:00:00.000Z',
  started_at: null,
  completed_at: '2026-01-01T00:00:01.000Z',
  webhook: null,
}
const answered: Entry = {
  ordinal: 1,
  kind: 'beside the batch',
  question: { model: 'iris', input: {}, answer: { status: 'succeeded', output: {} } },
  key: 'storm-1-1',
  webhook: null,
  mayEnd: new Set(),
  isDeleted: false,
  tries: [],
  bareOutputs: [],
  sightings: [{ via: 'wait', id: 'iris-1', prediction }],
}

const evidenceOf = (more: Partial<BatchEvidence> = {}): BatchEvidence => ({
  id,
  rows: 100,
  badRows: 2,
  undisturbed: { ...files, faults: [] },
  sightings: [running, batch],
  last: [batch, batch],
  scored: [files, files],
  differences: [],
  plans: [],
  arrivals: [arrival],
  callers: [answered],
  watch: { looks: 3, keys: [] },
  counters: { 'jobs of chunks': 0 },
  ...more,
})

test('nothing is found where all is right', () => {
  expect(judgeBatch(evidenceOf())).toEqual([])
})

const unfinished = { ...batch, status: 'in_progress' as const, completed_at: null }
const miscounted = { ...batch, counts: { ...batch.counts, completed: 97 } }

test.each<[string, string, Partial<BatchEvidence>]>([
  ['is not there', 'batch wrong', { last: [], scored: [] }],
  ['never ended', 'batch wrong', { last: [unfinished, unfinished], sightings: [] }],
  ['counted a row twice, or not at all', 'batch wrong', { last: [miscounted, miscounted], sightings: [] }],
  ['is shown in two ways', 'batch wrong', { last: [batch, { ...batch, priority: 'high' }] }],
  [
    'has an output that is not whole',
    'batch wrong',
    { last: [{ ...batch, output_file: { bytes: 1000, is_complete: false } }, batch] },
  ],
  [
    'lost what it had done',
    'batch went back',
    { sightings: [running, { ...running, counts: { ...running.counts, completed: 39 } }, batch] },
  ],
  [
    'changed after its end',
    'batch went back',
    { sightings: [running, { ...batch, expires_at: batch.created_at }] },
  ],
  [
    'has another output than undisturbed',
    'output differs',
    { scored: [files, { ...files, output: { bytes: 1000, sha256: 'ab' } }] },
  ],
  [
    'has other errors',
    'output differs',
    { scored: [{ ...files, errors: { bytes: 50, sha256: 'cc' } }, files] },
  ],
  [
    'tells of more bytes than there are',
    'output differs',
    { scored: [{ ...files, output: { bytes: 999, sha256: 'aa' } }, files] },
  ],
  [
    'was not right before the storm either',
    'row wrong',
    { undisturbed: { ...files, faults: ['row 7: is not the line of the row'] } },
  ],
  ['left rows in Redis', 'row in Redis', { watch: { looks: 3, keys: ['storm:{iris}:batch'] } }],
  ['was never looked for in Redis', 'row in Redis', { watch: { looks: 0, keys: [] } }],
  ['kept a caller from its answer', 'not answered', { callers: [answered, { ...answered, sightings: [] }] }],
  ['left something behind', 'counter wrong', { counters: { 'jobs of chunks': 1 } }],
  ['was never told', 'webhook missing', { arrivals: [{ ...arrival, taken: 0 }] }],
  [
    'was told as another',
    'webhook missing',
    { arrivals: [{ ...arrival, texts: new Set(['{"object":"batch","id":"x"}']) }] },
  ],
  ['was told twice', 'doubled', { arrivals: [arrival, { ...arrival, webhookId: 'wh-batch-1' }] }],
  [
    'was told with other bytes',
    'webhook changed',
    { arrivals: [{ ...arrival, texts: new Set([JSON.stringify(batch), JSON.stringify(batch, null, 1)]) }] },
  ],
  [
    'was told with wrong counts',
    'webhook wrong',
    { arrivals: [{ ...arrival, texts: new Set([JSON.stringify(miscounted)]) }] },
  ],
  [
    'was told without a signature',
    'webhook not signed',
    { arrivals: [{ ...arrival, forgeries: ['no match'] }] },
  ],
])('a batch that %s is found as %s', (_, rule, more) => {
  expect(judgeBatch(evidenceOf(more)).map((violation) => violation.rule)).toContain(rule)
})
