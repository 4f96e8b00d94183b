import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { shippedModel, startStack } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

const models = ['demo-classifier', 'iris', 'housing']
let stack: Stack

beforeAll(async () => {
  stack = await startStack({ models: models.map(shippedModel) })
})
afterAll(() => stack.close())

test.each(models)(
  'every golden case of %s comes back from the queue as the original library computed it',
  async (model) => {
    const cases: { input: unknown; output: unknown }[] = JSON.parse(
      await readFile(join(shippedModel(model), 'golden.json'), 'utf8'),
    )

    const answers = await Promise.all(cases.map(({ input }) => stack.client.predict(model, input)))

    expect(cases.length).toBeGreaterThanOrEqual(50)
    for (const [index, { output }] of cases.entries()) {
      expect(answers[index]?.status).toBe(200)
      expectClose(answers[index]?.body, output)
    }
  },
)

test.each(models)('the card of %s has an example that works when it is pasted', async (model) => {
  const card = await stack.client.get(`/v1/models/${model}`)

  const answer = await stack.client.predict(model, card.body.example)

  expect(card.body.status).toBe('ready')
  expect(answer.status).toBe(200)
})

test('the plain service answers with the probability of class 1', async () => {
  const answer = await stack.client.call('POST', '/predict', { features: [0.5, 1.2, -0.8, 2.0] })

  expect(answer.status).toBe(200)
  expect(answer.body).toEqual({ prediction: expect.any(Number), probability_class_1: expect.any(Number) })
})

/** Same shape, same strings and integers, and every number within 1e-5. */
const expectClose = (actual: unknown, expected: unknown) => {
  if (typeof expected === 'number') {
    expect(actual).toBeTypeOf('number')
    expect(Math.abs(Number(actual) - expected)).toBeLessThanOrEqual(1e-5)
  } else if (typeof expected === 'object' && expected !== null) {
    const found: Record<string, unknown> = Object.fromEntries(Object.entries(actual ?? {}))
    expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort())
    for (const [name, value] of Object.entries(expected)) expectClose(found[name], value)
  } else expect(actual).toBe(expected)
}
