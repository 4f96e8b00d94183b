import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RowResult } from '../tasks/row-result.ts'
import { FrameReader } from './frames.ts'
import { encodeFailed, encodeRan, encodeRun, nextRunId, readAnswer, readRun } from './run-messages.ts'

/** What a reader makes of frames that come in pieces of so many bytes, one behind the other. */
const contentsOf = (frames: Buffer[], pieceBytes: number) => {
  const contents: Buffer[] = []
  const reader = new FrameReader((content) => contents.push(content))
  const all = Buffer.concat(frames)
  for (let start = 0; start < all.length; start += pieceBytes)
    reader.push(all.subarray(start, start + pieceBytes))
  return contents
}

const rowResults: fc.Arbitrary<RowResult[]> = fc.array(
  fc.oneof(
    fc.record({ ok: fc.constant(true), output: fc.jsonValue() }),
    fc.record({
      ok: fc.constant(false),
      code: fc.constantFrom('invalid_input', 'invalid_output', 'inference_failed'),
      detail: fc.string({ unit: 'binary' }),
    }),
  ),
)

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('rows come as they were sent, in whatever pieces', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ runId: fc.nat(), place: fc.nat(), rows: fc.array(fc.jsonValue()) })),
      fc.integer({ min: 1, max: 40 }),
      (runs, pieceBytes) => {
        const frames = runs.map(({ runId, place, rows }) =>
          encodeRun({ runId, place, rows: rows.map((row) => JSON.stringify(row)) }),
        )

        expect(contentsOf(frames, pieceBytes).map(readRun)).toEqual(asJson(runs))
      },
    ),
  )
})

test('results come as they were answered, in whatever pieces', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ runId: fc.nat(), results: rowResults, runMs: fc.double(), computeMs: fc.double() }),
      ),
      fc.integer({ min: 1, max: 40 }),
      (answers, pieceBytes) => {
        const read = contentsOf(answers.map(encodeRan), pieceBytes).map(readAnswer)

        expect(read).toEqual(
          answers.map(({ results, ...rest }) => ({
            kind: 'ran',
            ...rest,
            results: results.map((row) =>
              row.ok ? { ok: true, output: JSON.stringify(row.output) } : asJson(row),
            ),
          })),
        )
      },
    ),
  )
})

test('ids of runs begin anew where four bytes hold no more', () => {
  const last = 2 ** 32 - 1
  const ids = [last, nextRunId(last)]
  const contents = contentsOf(
    ids.map((runId) => encodeRun({ runId, place: 1, rows: [] })),
    99,
  )

  expect(contents.map((content) => readRun(content).runId)).toEqual([last, 0])
})

test('a run that failed says why', () => {
  const [content = Buffer.alloc(0)] = contentsOf([encodeFailed({ runId: 7, detail: 'of "two"\nlines' })], 3)

  expect(readAnswer(content)).toEqual({ kind: 'failed', runId: 7, detail: 'of "two"\nlines' })
})

test('an output that JSON can’t write is an error of its row alone', () => {
  const circular: unknown[] = []
  circular.push(circular)
  const results: RowResult[] = [
    { ok: true, output: 1 },
    { ok: true, output: circular },
    { ok: true, output: undefined },
  ]
  const [content = Buffer.alloc(0)] = contentsOf(
    [encodeRan({ runId: 1, results, runMs: 1, computeMs: 1 })],
    99,
  )

  expect(readAnswer(content)).toMatchObject({
    results: [
      { ok: true, output: '1' },
      {
        ok: false,
        code: 'invalid_output',
        detail: expect.stringMatching(/^the output can't be written as JSON: /),
      },
      { ok: true, output: 'null' },
    ],
  })
})

test.each([
  { what: 'rows of another content type', read: readRun, content: Buffer.from([1, 0, 0, 0, 9, 91, 93]) },
  { what: 'rows that are no array', read: readRun, content: Buffer.from([1, 0, 0, 0, 1, 49]) },
  { what: 'an answer of an unknown kind', read: readAnswer, content: Buffer.alloc(21, 9) },
  { what: 'an answer that is too short', read: readAnswer, content: Buffer.alloc(3) },
  {
    what: 'a row that is answered in an unknown way',
    read: readAnswer,
    content: Buffer.concat([Buffer.alloc(21), Buffer.from('?{}')]),
  },
  {
    what: 'a row with a problem that no row has',
    read: readAnswer,
    content: Buffer.concat([Buffer.alloc(21), Buffer.from('-{"ok":false,"code":"mine","detail":""}')]),
  },
])('$what is not read', ({ read, content }) => {
  expect(() => read(content)).toThrow()
})
