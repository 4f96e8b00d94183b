import { afterAll, beforeAll, expect, test } from 'vitest'
import { startStack } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

const settings = 'example: { n: [1] }\ninstances: 1\nbatching: { max_rows: 1 }'
const backlogLimit = 20
/** Of one model, whose predictions take more than a second at first, and milliseconds in the end. */
let stack: Stack

beforeAll(async () => {
  stack = await startStack({
    models: [{ name: 'slow', of: 'slow', settings }],
    environment: { ONQUEUE_BACKLOG_LIMIT: String(backlogLimit) },
  })
})
afterAll(() => stack.close())

/** Submits one after the other until the API knows how long they take, and answers what it tells then. */
const untilTold = async (n: number, isRight: (seconds: number) => boolean) => {
  for (;;) {
    const { headers, body } = await stack.client.submit('slow', { n: [n] })
    await stack.client.untilFinal(body.id)
    const seconds = Number(headers.get('retry-after'))
    if (isRight(seconds)) return seconds
  }
}

test('a prediction of more than a second is looked at again when one is usually done', async () => {
  expect(await untilTold(1300, (seconds) => seconds >= 2)).toBeLessThan(60)
})

test('those who are sent away from a full queue are told to come back one after the other', async () => {
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => stack.client.submit('slow', { n: [10] })),
  )

  const told = answers.flatMap(({ status, headers }) =>
    status === 429 ? [Number(headers.get('retry-after'))] : [],
  )
  expect(told.length).toBeGreaterThan(30)
  expect(Math.max(...told)).toBeGreaterThan(10)
  expect(Math.max(...told)).toBeLessThanOrEqual(60)
  const perSecond = Object.values(Object.groupBy(told, String)).map((all) => all?.length ?? 0)
  expect(Math.max(...perSecond)).toBeLessThan(told.length / 2)
  const accepted = answers.filter(({ status }) => status === 202)
  await Promise.all(accepted.map(({ body }) => stack.client.untilFinal(body.id)))
})

test('a server that has little to do says of a prediction of milliseconds that it is done in a second', async () => {
  expect(await untilTold(5, (seconds) => seconds < 2)).toBe(1)
})
