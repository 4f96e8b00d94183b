import { expect, test } from 'vitest'
import { z } from 'zod'
import { boundIssues } from './bound-issues.ts'

const issuesOf = (schema: z.ZodType, value: unknown) => schema.safeParse(value).error?.issues ?? []

test('an array is given up after so many wrong items', () => {
  const schema = boundIssues(z.fromJSONSchema({ type: 'array', items: { type: 'number' } }), 3)

  expect(issuesOf(schema, Array(100_000).fill('x')).map((issue) => issue.path)).toEqual([[0], [1], [2]])
  expect(issuesOf(schema, [1, 'x', 2])).toHaveLength(1)
  expect(issuesOf(schema, Array(10).fill(1))).toEqual([])
})

test('each array is counted by itself', () => {
  const schema = boundIssues(
    z.fromJSONSchema({ type: 'array', items: { type: 'array', items: { type: 'number' } } }),
    2,
  )

  expect(issuesOf(schema, [['x', 'x', 'x'], [1], ['x', 'x', 'x'], ['x']]).map((issue) => issue.path)).toEqual(
    [
      [0, 0],
      [0, 1],
      [2, 0],
      [2, 1],
    ],
  )
})

test('a form that was given up for one value is looked at again for the next', () => {
  const schema = boundIssues(
    z.fromJSONSchema({
      type: 'array',
      items: {
        anyOf: [
          { type: 'array', items: { type: 'number' } },
          { type: 'array', items: { type: 'string' } },
        ],
      },
    }),
    2,
  )

  expect(issuesOf(schema, [['a', 'b', 'c'], [1, 2, 3], ['d']])).toEqual([])
  expect(issuesOf(schema, [['a', 'b', 'c'], [true]]).map((issue) => issue.path)).toEqual([[1]])
  expect(issuesOf(schema, [['a', 'b', 1]]).map((issue) => issue.path)).toEqual([[0]])
})

test('records and free names are bounded too', () => {
  const free = {
    type: 'object',
    properties: { a: { type: 'string' } },
    additionalProperties: { type: 'number' },
  } as const
  const wrong = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`k${index}`, 'x']))

  expect(issuesOf(boundIssues(z.fromJSONSchema(free), 3), wrong)).toHaveLength(3)
  expect(issuesOf(boundIssues(z.record(z.string(), z.number()), 3), wrong)).toHaveLength(3)
})

test('a schema that contains itself is bounded', () => {
  const schema = boundIssues(
    z.fromJSONSchema({
      $ref: '#/$defs/node',
      $defs: {
        node: {
          type: 'object',
          properties: {
            value: { type: 'number' },
            nodes: { type: 'array', items: { $ref: '#/$defs/node' } },
          },
          required: ['value'],
        },
      },
    }),
    2,
  )
  const leaves = Array(5).fill({ value: 'x' })

  expect(issuesOf(schema, { value: 1, nodes: [{ value: 1, nodes: leaves }, { value: 2 }] })).toHaveLength(2)
  expect(issuesOf(schema, { value: 1, nodes: [{ value: 1, nodes: [] }] })).toEqual([])
})

test('of names that are not known as many are told', () => {
  const strict = {
    type: 'object',
    properties: { a: { type: 'number' } },
    additionalProperties: false,
  } as const
  const wrong = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`k${index}`, 1]))
  const schemas = [z.fromJSONSchema(strict), z.strictObject({ a: z.number().optional() })]

  for (const schema of schemas.map((one) => boundIssues(one, 3))) {
    expect(issuesOf(schema, wrong)).toMatchObject([{ keys: ['k0', 'k1', 'k2'] }])
    expect(issuesOf(schema, { a: 1, b: 2 })).toMatchObject([{ keys: ['b'] }])
    expect(issuesOf(schema, { a: 1 })).toEqual([])
  }
})
