import { expect, test } from 'vitest'
import type { Reply } from '../http/caller.ts'
import { readReply } from './read-reply.ts'

const answered = (status: number, body: unknown): Reply => ({
  kind: 'answered',
  status,
  headers: new Headers(),
  text: typeof body === 'string' ? body : JSON.stringify(body),
})
const prediction = {
  id: 'echo-1',
  status: 'queued',
  error: null,
  metadata: {},
  created_at: '2026-01-01T00:00:00.000Z',
  started_at: null,
  completed_at: null,
  webhook: null,
}

test.each<[string, Reply, object]>([
  ['a prediction with 202 is accepted', answered(202, prediction), { kind: 'accepted', id: 'echo-1' }],
  ['a bare output is accepted, without an id', answered(200, { y: 1 }), { kind: 'accepted', id: null }],
  [
    'a prediction that ended badly was accepted',
    answered(500, { code: 'inference_failed', id: 'throws-1' }),
    { kind: 'accepted', id: 'throws-1' },
  ],
  [
    'a wait that is over was accepted',
    answered(504, { code: 'wait_over', id: 'slow-1' }),
    { kind: 'accepted', id: 'slow-1' },
  ],
  [
    'a queue that did not answer leaves it unknown',
    answered(503, { code: 'outcome_unknown', id: 'echo-1' }),
    { kind: 'unknown', why: 'outcome_unknown', id: 'echo-1' },
  ],
  [
    'a queue that is not available refuses',
    answered(503, { code: 'queue_unavailable' }),
    { kind: 'refused', status: 503, code: 'queue_unavailable' },
  ],
  [
    'a full backlog refuses',
    answered(429, { code: 'backlog_full' }),
    { kind: 'refused', status: 429, code: 'backlog_full' },
  ],
  [
    'an address where nobody listens refuses',
    { kind: 'unanswered', why: 'ECONNREFUSED', wasSent: false },
    { kind: 'refused', status: 0, code: 'ECONNREFUSED' },
  ],
  [
    'a connection that breaks leaves it unknown',
    { kind: 'unanswered', why: 'ECONNRESET', wasSent: true },
    { kind: 'unknown', why: 'ECONNRESET', id: null },
  ],
  [
    'an internal error is odd',
    answered(500, { code: 'internal_error' }),
    { kind: 'odd', status: 500, text: '{"code":"internal_error"}' },
  ],
  ['what is no JSON is odd', answered(200, 'oops'), { kind: 'odd', status: 200, text: 'oops' }],
  [
    'a 404 is odd: every model of the storm is there',
    answered(404, { code: 'model_not_found' }),
    { kind: 'odd', status: 404, text: '{"code":"model_not_found"}' },
  ],
])('%s', (_, reply, expected) => {
  expect(readReply(reply).answer).toEqual(expected)
})

test('a final prediction is a sighting, one that is queued is none', () => {
  const final = { ...prediction, status: 'succeeded', completed_at: '2026-01-01T00:00:00.000Z' }

  expect(readReply(answered(201, final)).final).toMatchObject({ id: 'echo-1', status: 'succeeded' })
  expect(readReply(answered(202, prediction)).final).toBeNull()
})
