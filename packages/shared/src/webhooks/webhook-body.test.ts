import { expect, test } from 'vitest'
import type { Prediction } from '../contract/prediction.ts'
import { webhookBody } from './webhook-body.ts'

const limitBytes = 256 * 1024

const prediction = (input: unknown, output: unknown, rows = 0): Prediction => ({
  object: 'prediction',
  id: 'iris-01J00000000000000000000000',
  model: 'iris',
  version: '1',
  status: 'succeeded',
  input,
  output,
  error:
    rows === 0
      ? null
      : {
          code: 'rows_failed',
          detail: 'some failed',
          rows: Array.from({ length: rows }, (_, row) => ({
            row,
            code: 'inference_failed' as const,
            detail: 'x'.repeat(300),
          })),
        },
  metadata: {},
  priority: 'normal',
  deadline: null,
  metrics: { queue_time: 0, predict_time: 0, total_time: 0, batch_size: 1, attempts: 1 },
  webhook: { status: 'pending' },
  created_at: '2026-01-31T12:00:00.000Z',
  started_at: null,
  completed_at: null,
  expires_at: null,
  urls: { get: 'g', cancel: 'c', events: 'e', deliveries: 'd' },
})

test('a full body is the prediction', () => {
  const whole = prediction({ a: 1 }, { b: 2 })

  expect(webhookBody(whole, 'full')).toEqual({ text: JSON.stringify(whole), isWhole: true })
})

test('a thin body has neither input nor output', () => {
  const { text, isWhole } = webhookBody(prediction({ a: 1 }, { b: 2 }), 'thin')

  const { input: _, output: __, ...rest } = prediction({ a: 1 }, { b: 2 })
  expect(JSON.parse(text)).toEqual(rest)
  expect(isWhole).toBe(false)
})

// 2 bytes a character: what counts is bytes
const long = 'ü'.repeat(limitBytes / 2)

test.each([
  ['a long input', prediction(long, { b: 2 }), ['input'], { output: { b: 2 } }],
  ['a long output', prediction({ a: 1 }, long), ['input', 'output'], {}],
  ['many failed rows', prediction({ a: 1 }, null, 1000), ['input', 'output', 'error.rows'], {}],
])('%s is left out and named, and the rest fits', (_, given, truncated, kept) => {
  const { text, isWhole } = webhookBody(given, 'full')

  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(limitBytes)
  expect(JSON.parse(text)).toMatchObject({ id: given.id, truncated, ...kept })
  expect(JSON.parse(text)).not.toHaveProperty('input')
  expect(isWhole).toBe(false)
})

test('a body of exactly 256 KiB is whole, and one byte more is not', () => {
  const bytesBeside = JSON.stringify(prediction('', null)).length
  const fits = prediction('x'.repeat(limitBytes - bytesBeside), null)
  const tooLong = prediction('x'.repeat(limitBytes - bytesBeside + 1), null)

  expect(webhookBody(fits, 'full').isWhole).toBe(true)
  expect(webhookBody(tooLong, 'full').isWhole).toBe(false)
})
