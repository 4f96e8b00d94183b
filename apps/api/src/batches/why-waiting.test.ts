import { firstCursor } from '@onqueue/shared'
import type { BatchRecord, Heartbeat } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { missVersions, whyWaiting } from './why-waiting.ts'

const record = (id: string, digest = 'd1'): BatchRecord => ({
  id,
  about: {
    owner: 'alice',
    keyId: null,
    requestId: 'r',
    model: 'iris',
    version: '1',
    digest,
    fingerprint: null,
    fileId: 'file-x',
    input: [],
    storage: 's',
    inputFormat: 'csv',
    outputFormat: 'csv',
    idColumn: null,
    extraColumns: 'ignore',
    maxFailedRows: null,
    microBatchRows: 1,
    priority: 'normal',
    metadata: {},
    webhook: null,
    createdAt: 0,
    deadline: 1,
    keptMs: 1,
  },
  counts: { rows: 0, doneRows: 0, failedRows: 0, chunks: 0, doneChunks: 0, bytes: 0, errorBytes: 0 },
  cursor: firstCursor,
  headerBytes: null,
  rowMs: null,
  footerBytes: null,
  startedAt: null,
  isPlanned: false,
  pace: null,
  end: null,
})
type Status = Heartbeat['versions'][number]['status']
const beat = (digest: string, { storage, status = 'ready' }: { storage?: string; status?: Status } = {}) => ({
  workerId: 'w',
  at: 0,
  rowsPerSecond: 1,
  ...(storage === undefined ? {} : { storage }),
  versions: [{ version: '1', digest, status, reason: null, memoryBytes: 0 }],
})

test.each([
  ['nobody has its version', [beat('d2', { storage: 's' })], 'no live worker has version 1'],
  ['it is refused everywhere', [beat('d1', { storage: 's', status: 'refused' })], 'no live worker'],
  ['all who have its version have another storage', [beat('d1', { storage: 't' })], 'another storage (s)'],
])('a batch waits while %s', (_, heartbeats, why) => {
  expect(whyWaiting(record('b'), heartbeats)).toContain(why)
})

test.each([
  ['one worker has both', [beat('d1', { storage: 't' }), beat('d1', { storage: 's' })]],
  ['a version is being loaded', [beat('d1', { storage: 's', status: 'loading' })]],
  ['a worker of the release before does not tell of its storage', [beat('d1')]],
])('it does not where %s', (_, heartbeats) => {
  expect(whyWaiting(record('b'), heartbeats)).toBe(null)
})

test('time counts against a batch from when nobody is seen to have its version, and anew where one had it meanwhile', () => {
  const records = [record('old'), record('new', 'd2')]
  const at = (now: number, heartbeats: Heartbeat[], before = new Map<string, number>()) =>
    missVersions(before, records, { heartbeats, now })

  const first = at(1, [beat('d2')])
  expect([...first]).toEqual([['old', 1]])
  const second = at(2, [], first)
  expect([...second]).toEqual([
    ['old', 1],
    ['new', 2],
  ])
  const third = at(3, [beat('d1')], second)
  expect([...third]).toEqual([['new', 2]])
  expect([...at(4, [], third)]).toEqual([
    ['old', 4],
    ['new', 2],
  ])
})
