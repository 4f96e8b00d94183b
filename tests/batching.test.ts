import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inParallel } from './support/in-parallel.ts'
import { root, startStack, testModel } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

const models = ['two-inputs', 'softmax-axis0', 'fixed-one', 'fixed-eight', 'scalar-free', 'nan-out', 'throws']
const stopWords = join(root, 'tests/models-as-exported/tfidf-stop-words')
let stack: Stack

beforeAll(async () => {
  stack = await startStack({ models: [...models.map(testModel), stopWords] })
})
afterAll(() => stack.close())

const count = 2000

test(`${count} concurrent predictions each get their own answer, and run in micro-batches`, async () => {
  const ids = await inParallel(count, 500, async (index) => {
    const answer = await stack.client.submit('two-inputs', { a: [index, 0.5], b: index })
    expect(answer).toMatchObject({ status: 202, body: { id: expect.any(String) } })
    return String(answer.body.id)
  })
  const finished = await inParallel(count, 200, (index) => stack.client.untilFinal(ids[index] ?? ''))

  expect(new Set(ids).size).toBe(count)
  for (const [index, { body }] of finished.entries()) {
    expect(body).toMatchObject({
      id: ids[index],
      status: 'succeeded',
      output: { total: 2 * index + 0.5, doubled: 2 * index },
    })
  }
  const largest = Math.max(...finished.map(({ body }) => body.metrics.batch_size))
  expect(largest).toBeGreaterThan(1)
})

test('500 callers of predict at once each get their own answer', async () => {
  const answers = await inParallel(500, 500, (index) =>
    stack.client.predict('two-inputs', { a: [index, 1], b: 0 }),
  )

  expect(answers.map(({ body }) => body.total)).toEqual(Array.from({ length: 500 }, (_, index) => index + 1))
})

test('a model whose first axis is none of rows is given whole tensors, of one caller at a time, and says so', async () => {
  const answers = await inParallel(1000, 250, (index) =>
    stack.client.predict('softmax-axis0', { x: [[index, -index, index / 7], Array(3).fill(index)] }),
  )

  const halves = answers.map(({ body: { y } }) =>
    y[0].map((one: number, column: number) => one + y[1][column]),
  )
  expect(halves.flat()).toEqual(Array(3000).fill(expect.closeTo(1, 5)))
  expect(answers[0]?.body.y[0]).toEqual([0.5, 0.5, 0.5])
  const card = await stack.client.get('/v1/models/softmax-axis0')
  expect(card.body.batching.enabled).toBe(false)
  expect(card.body.batching.reason).toMatch(/^its first axis is not one of rows: /)
})

test.each(['fixed-one', 'fixed-eight'])(
  '%s, exported with a fixed number of rows, works for any number',
  async (model) => {
    const answers = await inParallel(50, 50, (index) => stack.client.predict(model, { x: [index, 0, 0, 0] }))

    expect(answers.map(({ body }) => body.y)).toEqual(
      Array.from({ length: 50 }, (_, index) => [index + 0.5, index - 0.5]),
    )
  },
)

test('a model whose output has no rows takes whole tensors', async () => {
  const answers = await inParallel(20, 20, (index) =>
    stack.client.predict('scalar-free', { x: [[index, 1, 1]] }),
  )

  expect(answers.map(({ body }) => body.total)).toEqual(Array.from({ length: 20 }, (_, index) => index + 2))
})

test('odd numbers in an output are strings', async () => {
  const answer = await stack.client.predict('nan-out', { x: [0, -1] })

  expect(answer.body).toEqual({ y: ['-Infinity', 'NaN'] })
})

test('an array keeps its order, and counts as one prediction', async () => {
  const input = Array.from({ length: 1000 }, (_, index) => ({ a: [index, 0], b: 1 }))

  const answer = await stack.client.submit('two-inputs', input, {}, { prefer: 'wait=30' })

  expect(answer.status).toBe(201)
  expect(answer.body.status).toBe('succeeded')
  expect(answer.body.output.map((row: { total: number }) => row.total)).toEqual(
    input.map(({ a: [first = 0] }) => first + 1),
  )
})

test('a row that fails at run time leaves the others in place, and says which and why', async () => {
  const answer = await stack.client.submit(
    'throws',
    [{ i: 1 }, { i: 99 }, { i: 3 }],
    {},
    { prefer: 'wait=30' },
  )

  expect(answer.body.status).toBe('failed')
  expect(answer.body.output).toEqual([{ value: 10 }, null, { value: 30 }])
  expect(answer.body.error.code).toBe('rows_failed')
  expect(answer.body.error.rows).toEqual([
    { row: 1, code: 'inference_failed', detail: expect.stringContaining('out of data bounds') },
  ])
})

test('a text that the model takes out of a run is answered as it is alone, and so are those beside it', async () => {
  const texts = ['the cat', 'the', 'stock market', 'on', 'dogs and the cat']
  const alone = []
  for (const text of texts)
    alone.push((await stack.client.predict('tfidf-stop-words', { text: [text] })).body)

  const answer = await stack.client.submit(
    'tfidf-stop-words',
    texts.map((text) => ({ text: [text] })),
    {},
    { prefer: 'wait=30' },
  )

  expect(alone.map(({ label }) => label)).toEqual(['pets', 'pets', 'money', 'pets', 'pets'])
  expect(answer.body).toMatchObject({ status: 'succeeded', output: alone })
})
