import { expect, test } from 'vitest'
import { Silence } from './silence.ts'

const command = {}
const other = {}

/** What is said at looks at these times, in ms, at each of which this command waits longest. */
const judge = (looks: [at: number, oldest: object | undefined][]) => {
  const silence = new Silence({ intervalMs: 250, maxLooks: 4, now: 0 })
  return looks.map(([at, oldest]) => silence.look(oldest, at))
}

test('the same command at four looks after the first is silence', () => {
  const said = judge([
    [250, command],
    [500, command],
    [750, command],
    [1000, command],
    [1250, command],
  ])

  expect(said).toEqual([false, false, false, false, true])
})

test('looks at which this process was late count for nothing', () => {
  const late = Array.from({ length: 20 }, (_, index): [number, object] => [250 + 400 * index, command])
  const [lastAt] = late.at(-1) ?? [0]

  expect(judge(late)).not.toContain(true)
  // from here on it is on time
  expect(
    judge([...late, ...[1, 2, 3, 4].map((step): [number, object] => [lastAt + 250 * step, command])]).slice(
      -4,
    ),
  ).toEqual([false, false, false, true])
})

test('a look between that is late does not end a silence', () => {
  const said = judge([
    [250, command],
    [500, command],
    [750, command],
    [1150, command],
    [1400, command],
    [1650, command],
  ])

  expect(said).toEqual([false, false, false, false, false, true])
})

test('a look that is a little late is on time', () => {
  const said = judge([1, 2, 3, 4, 5].map((step) => [295 * step, command]))

  expect(said.at(-1)).toBe(true)
})

test('an answer ends it, and so does nothing that waits', () => {
  const said = judge([
    [250, command],
    [500, command],
    [750, command],
    [1000, command],
    [1250, other],
    [1500, undefined],
    [1750, other],
    [2000, other],
  ])

  expect(said).not.toContain(true)
})
