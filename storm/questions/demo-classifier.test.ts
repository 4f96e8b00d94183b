import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { isSameAnswer } from '../../bench/models/known-answer.ts'
import { predictDemo } from './demo-classifier.ts'

const goldenSchema = z.array(
  z.object({
    input: z.object({
      features: z.union([z.array(z.number()), z.record(z.string(), z.number()).transform(Object.values)]),
    }),
    output: z.unknown(),
  }),
)

test('the formula gives the golden answers of the demo classifier', () => {
  const file = join(import.meta.dirname, '../../models/demo-classifier/golden.json')
  const golden = goldenSchema.parse(JSON.parse(readFileSync(file, 'utf8')))

  const wrong = golden.filter(({ input, output }) => !isSameAnswer(predictDemo(input.features), output))

  expect(wrong).toEqual([])
  expect(golden.length).toBeGreaterThan(30)
})
