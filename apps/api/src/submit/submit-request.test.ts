import { AppError } from '@onqueue/shared'
import { expect, test } from 'vitest'
import { parseSubmitRequest, submitBodySchema } from './submit-request.ts'

test('a submit has an input and defaults for the rest', () => {
  expect(parseSubmitRequest({ input: { features: [1] } })).toEqual({
    input: { features: [1] },
    priority: 'normal',
    metadata: {},
  })
})

test.each([[{ features: [1] }], [[{ features: [1] }]], ['text'], [null], [{}]])(
  'a bare input %j is told how to wrap it',
  (body) => {
    expect(refusalOf(body)).toMatchObject({
      code: 'invalid_input',
      places: [{ pointer: '/input', detail: 'is missing; did you mean {"input": …}?' }],
    })
  },
)

test('a field that is not known is pointed at', () => {
  expect(refusalOf({ input: 1, prioritty: 'high' })).toMatchObject({
    code: 'invalid_input',
    places: [{ pointer: '/prioritty', detail: 'is not a field here' }],
  })
})

test.each([
  ['webhook', 7, '/webhook', 'expected string, received number'],
  ['webhook_events_filter', 'start', '/webhook_events_filter', 'expected array, received string'],
  ['webhook_events_filter', ['stop'], '/webhook_events_filter/0', 'takes "start" and "completed"'],
  ['webhook_events_filter', [], '/webhook_events_filter', 'takes "start", "completed" or both'],
  ['webhook_payload', 'half', '/webhook_payload', 'takes "full" or "thin"'],
])('%s of %j is pointed at', (field, value, pointer, detail) => {
  expect(refusalOf({ input: 1, [field]: value })).toMatchObject({
    code: 'invalid_input',
    places: [{ pointer, detail }],
  })
})

test('metadata has at most 16 short pairs of text', () => {
  const pairs = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))

  expect(parseSubmitRequest({ input: 1, metadata: pairs(16) }).metadata).toEqual(pairs(16))
  expect(refusalOf({ input: 1, metadata: pairs(17) }).places).toEqual([
    { pointer: '/metadata', detail: 'has at most 16 pairs' },
  ])
  expect(refusalOf({ input: 1, metadata: 'x' }).places).toEqual([
    { pointer: '/metadata', detail: 'expected object, received string' },
  ])
  expect(refusalOf({ input: 1, metadata: { a: 1 } }).places).toEqual([
    { pointer: '/metadata/a', detail: 'expected string, received number' },
  ])
  expect(refusalOf({ input: 1, metadata: { a: 'x'.repeat(513) } }).places).toEqual([
    { pointer: '/metadata/a', detail: 'a value has at most 512 characters' },
  ])
  expect(refusalOf({ input: 1, metadata: { ['k'.repeat(65)]: 'v' } }).places).toMatchObject([
    { detail: 'a name has at most 64 characters' },
  ])
})

test('metadata is counted in characters, and comes back as it was sent', () => {
  const metadata = {
    ['😀'.repeat(64)]: '😀'.repeat(512),
    '\0\ufeff': 'e\u0301\uffff',
    constructor: 'x',
    ' ': '',
  }

  expect(parseSubmitRequest({ input: 1, metadata }).metadata).toStrictEqual(metadata)
  expect(refusalOf({ input: 1, metadata: { a: '😀'.repeat(513) } }).places).toEqual([
    { pointer: '/metadata/a', detail: 'a value has at most 512 characters' },
  ])
  expect(refusalOf({ input: 1, metadata: { '': 'v' } }).places).toMatchObject([{ pointer: '/metadata/' }])
  expect(submitBodySchema).toMatchObject({
    properties: {
      metadata: { propertyNames: { minLength: 1, maxLength: 64 }, additionalProperties: { maxLength: 512 } },
    },
  })
})

const refusalOf = (body: unknown) => {
  try {
    parseSubmitRequest(body)
  } catch (err) {
    if (err instanceof AppError) return err
    throw err
  }
  throw new Error('it was not refused')
}
