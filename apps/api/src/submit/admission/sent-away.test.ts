import { expect, test } from 'vitest'
import { SentAway } from './sent-away.ts'
import { simulateOverload } from './simulate-overload.fixture.ts'

/** A row more than there is room for, at a model of 10 rows a second. */
const oneRow = { amount: 1, excess: 1, perSecond: 10, processes: 1 }

const startSentAway = () => {
  const time = { now: 1_000_000 }
  const draws: number[] = []
  const sentAway = new SentAway({ clock: () => time.now, random: () => draws.shift() ?? 0.5 })
  return { time, draws, sentAway }
}

test('who is the first to be sent away comes back when there is room', () => {
  expect(startSentAway().sentAway.sendAway(oneRow)).toBe(1)
  expect(startSentAway().sentAway.sendAway({ ...oneRow, excess: 50 })).toBe(6)
})

test('each gets a turn of his own, behind those who were sent away before', () => {
  const { sentAway } = startSentAway()

  const told = Array.from({ length: 30 }, () => sentAway.sendAway(oneRow))

  expect(told.slice(0, 9)).toEqual(Array.from({ length: 9 }, () => 1))
  expect(told.slice(10, 19)).toEqual(Array.from({ length: 9 }, () => 2))
  expect(told.at(-1)).toBe(4)
})

test('who asks for much takes a long turn', () => {
  const { sentAway } = startSentAway()

  sentAway.sendAway({ ...oneRow, amount: 100 })

  expect(sentAway.sendAway(oneRow)).toBe(11)
})

test('turns that have passed stand before nobody', () => {
  const { sentAway, time } = startSentAway()
  for (let index = 0; index < 100; index += 1) sentAway.sendAway(oneRow)

  time.now += 30_000

  expect(sentAway.sendAway(oneRow)).toBe(1)
})

test('who finds the minute full is spread over its last third', () => {
  const { sentAway, draws } = startSentAway()
  for (let index = 0; index < 590; index += 1) sentAway.sendAway(oneRow)
  draws.push(0, 0.999, 0.5)

  expect(sentAway.sendAway({ ...oneRow, amount: 20 })).toBe(40)
  expect(sentAway.sendAway({ ...oneRow, amount: 20 })).toBe(60)
  expect(sentAway.sendAway({ ...oneRow, amount: 20 })).toBe(50)
  // one that still fits into the minute
  expect(sentAway.sendAway(oneRow)).toBe(60)
})

test('while nothing drains all are spread over the last third of the minute', () => {
  const { sentAway, draws } = startSentAway()
  draws.push(0, 0.999)

  expect(sentAway.sendAway({ ...oneRow, perSecond: 0 })).toBe(40)
  expect(sentAway.sendAway({ ...oneRow, perSecond: 0, excess: 0 })).toBe(60)
})

test('of several processes each plans with its own part of what drains', () => {
  const { sentAway } = startSentAway()

  const told = Array.from({ length: 10 }, () => sentAway.sendAway({ ...oneRow, processes: 5 }))

  expect(told.at(-1)).toBe(6)
})

test('newcomers who take a part of what drains leave the rest to those who come back', () => {
  const { sentAway, time } = startSentAway()
  for (let second = 0; second < 10; second += 1) {
    for (let index = 0; index < 5; index += 1) sentAway.asked(1)
    time.now += 1000
  }

  const told = Array.from({ length: 10 }, () => sentAway.sendAway(oneRow))

  expect(told.at(-1)).toBe(3)
})

test('one burst is no usual load: those who come back get all that drains', () => {
  const { sentAway, time } = startSentAway()
  for (let index = 0; index < 500; index += 1) sentAway.asked(1)
  time.now += 1000

  const told = Array.from({ length: 10 }, () => sentAway.sendAway(oneRow))

  expect(told.at(-1)).toBe(2)
})

test('those who come back when they were told are no newcomers', () => {
  const { sentAway, time } = startSentAway()
  for (let second = 0; second < 10; second += 1) {
    for (let index = 0; index < 8; index += 1) sentAway.asked(1)
    for (let index = 0; index < 8; index += 1) sentAway.sendAway(oneRow)
    time.now += 1000
  }

  const told = Array.from({ length: 9 }, () => sentAway.sendAway(oneRow))

  expect(told.at(-1)).toBe(1)
})

/** 500 clients who would submit at five times what the server can do. */
const fiveTimes = { clients: 500, rowsPerSecond: 100, backlogLimit: 200, thinkMs: 1000, lastsMs: 120_000 }

test.each([
  ['one API process', {}],
  ['three API processes', { processes: 3 }],
  ['room for half a second only', { backlogLimit: 50 }],
  ['a slow model', { rowsPerSecond: 20, backlogLimit: 40, thinkMs: 5000, lastsMs: 600_000 }],
])('500 clients at five times what can be done come back about twice at most: %s', (_, changes) => {
  const { served, comeBacks, busyShare } = simulateOverload({ ...fiveTimes, ...changes })

  expect(busyShare).toBeGreaterThan(0.99)
  expect(served).toBeGreaterThan(10_000)
  expect(comeBacks.mean).toBeLessThan(0.7)
  expect(comeBacks.overTwo).toBeLessThan(0.06)
})

test.each([1, 3])(
  '500 clients at once, each with one prediction, come back once: %d API processes',
  (processes) => {
    const { served, comeBacks, busyShare } = simulateOverload({
      ...fiveTimes,
      processes,
      backlogLimit: 100,
      thinkMs: null,
    })

    expect(served).toBe(500)
    expect(comeBacks.max).toBe(1)
    expect(busyShare).toBeGreaterThan(0.95)
  },
)

test('the simulation tells a policy that sends everybody away for a second', () => {
  const { comeBacks } = simulateOverload({ ...fiveTimes, sendAway: () => 1 })

  expect(comeBacks.mean).toBeGreaterThan(3)
  expect(comeBacks.overTwo).toBeGreaterThan(0.4)
})

test('the simulation tells a policy that lets the server run dry', () => {
  const { busyShare } = simulateOverload({
    ...fiveTimes,
    backlogLimit: 100,
    thinkMs: null,
    sendAway: () => 60,
  })

  expect(busyShare).toBeLessThan(0.2)
})
