import { expect, test } from 'vitest'
import { z } from 'zod'
import { inputElementSchema } from '../tensors/element-schema.ts'
import { noHints } from '../onnx-file/value-hints.ts'
import { closedObject, nestedSchema } from '../tasks/nested-schema.ts'
import { elementTypes } from '../tensors/tensor.ts'
import { generateRow, seededRandom, varyRow } from './sample-rows.ts'

const everyType = closedObject(
  Object.fromEntries(elementTypes.map((type) => [type, nestedSchema(inputElementSchema(type), ['N', 2])])),
)

const tabular = closedObject({
  features: {
    anyOf: [
      {
        type: 'array',
        prefixItems: [{ type: 'number' }, { enum: ['a', 'b'] }],
        items: false,
        minItems: 2,
        maxItems: 2,
      },
      closedObject({ size: { anyOf: [{ type: 'number' }, { type: 'null' }] }, kind: { enum: ['a', 'b'] } }),
    ],
  },
})

test('generated rows are valid, whatever the magnitude', () => {
  const random = seededRandom(1)
  const validators = [everyType, tabular].map((schema) => ({ schema, validator: z.fromJSONSchema(schema) }))

  for (const { schema, validator } of validators) {
    for (const magnitude of [1, 10, 1000]) {
      const row = generateRow({ inputSchema: schema }, { random, magnitude, length: 4 })
      expect(validator.safeParse(row).error).toBeUndefined()
      expect(validator.safeParse(varyRow(schema, row, random)).error).toBeUndefined()
    }
  }
})

test('a row like another has its shape and its alternative', () => {
  const random = seededRandom(1)
  const byName = { features: { size: 80.5, kind: 'a' } }

  expect(generateRow({ inputSchema: tabular }, { random, like: byName })).toEqual({
    features: { size: expect.any(Number), kind: expect.stringMatching(/^[ab]$/) },
  })
  expect(varyRow(nestedSchema({ type: 'number' }, ['N']), [1, 2, 3, 4, 5], random)).toHaveLength(5)
})

test('a varied row is close to the first, and another', () => {
  const varied = varyRow({ type: 'number' }, 100, seededRandom(1))

  expect(varied).not.toBe(100)
  expect(varied).toBeGreaterThan(0)
  expect(varied).toBeLessThan(200)
})

test('the same seed makes the same rows', () => {
  const make = () => generateRow({ inputSchema: everyType }, { random: seededRandom(7) })

  expect(make()).toEqual(make())
})

test('numbers are around the thresholds of their column, and a few of any size', () => {
  const hints = { ...noHints, thresholds: new Map([[1, [500]]]) }
  const inputSchema = closedObject({ x: nestedSchema({ type: 'number' }, [2]) })
  const random = seededRandom(1)

  const rows = Array.from({ length: 200 }, () => generateRow({ inputSchema }, { random, hints }))

  const near = rows.filter((row) => /,[4-6]\d\d(\.\d+)?\]/.test(JSON.stringify(row)))
  expect(near.length).toBeGreaterThan(120)
  expect(near.length).toBeLessThan(190)
  expect(JSON.stringify(rows)).not.toMatch(/\[[4-6]\d\d[,.]/)
})

test('an integer that is made up is never large: it may be a size', () => {
  const inputSchema = closedObject({ n: { type: 'integer' } })
  const random = seededRandom(1)

  const sizes = Array.from({ length: 300 }, () =>
    JSON.stringify(generateRow({ inputSchema }, { random, magnitude: 'any' })),
  )

  expect(sizes.filter((row) => /:\d{4}|:[1-9](?!00\})\d\d/.test(row))).toEqual([])
  expect(new Set(sizes).size).toBeGreaterThan(20)
})
