import { expect, test } from 'vitest'
import { InFlight } from './in-flight.ts'

const single = { predictions: 1, rows: 1, bytes: 100 }

test('who holds nothing fetches a little ahead', () => {
  const inFlight = new InFlight(() => 512)

  expect(inFlight.concurrency).toBe(16)
})

test('what has started makes room to fetch more', () => {
  const inFlight = new InFlight(() => 512)

  for (let index = 0; index < 16; index += 1) inFlight.fetched(`id-${index}`, single)
  const before = inFlight.concurrency
  for (let index = 0; index < 16; index += 1) inFlight.started(`id-${index}`)

  expect(before).toBe(16)
  expect(inFlight.isAnyAhead).toBe(false)
  expect(inFlight.concurrency).toBe(32)
})

test('who holds as much as it may fetches nothing', () => {
  const inFlight = new InFlight(() => 20)

  for (let index = 0; index < 20; index += 1) {
    inFlight.fetched(`id-${index}`, single)
    inFlight.started(`id-${index}`)
  }

  expect(inFlight.concurrency).toBe(20)
})

test('rows are what counts, and a large array leaves half of the room to others', () => {
  const inFlight = new InFlight(() => 100)

  inFlight.fetched('large', { predictions: 1, rows: 1000, bytes: 100 })
  inFlight.started('large')
  inFlight.fetched('small', single)
  inFlight.started('small')

  expect(inFlight.concurrency).toBe(2 + 16)
  inFlight.fetched('another', { predictions: 1, rows: 1000, bytes: 100 })
  expect(inFlight.concurrency).toBe(3)
})

test('large inputs are bounded by their bytes', () => {
  const inFlight = new InFlight(() => 512)

  for (let index = 0; index < 6; index += 1) {
    inFlight.fetched(`id-${index}`, { predictions: 1, rows: 1, bytes: 10 * 1024 * 1024 })
    inFlight.started(`id-${index}`)
  }

  expect(inFlight.concurrency).toBe(6)
})

test('what leaves makes room, and may leave twice', () => {
  const inFlight = new InFlight(() => 2)
  inFlight.fetched('a', single)
  inFlight.started('a')
  inFlight.fetched('b', single)
  inFlight.started('b')

  inFlight.completes('a')
  inFlight.remove('a')

  expect(inFlight.predictions).toBe(1)
  expect(inFlight.concurrency).toBe(2)
})

test('what completes is exchanged for another one, until the queue is drained', () => {
  const inFlight = new InFlight(() => 512)
  for (const id of ['a', 'b', 'c']) {
    inFlight.fetched(id, single)
    inFlight.started(id)
  }

  const seen = [inFlight.isExchanging]
  inFlight.completes('a')
  seen.push(inFlight.isExchanging)
  inFlight.completed()
  seen.push(inFlight.isExchanging)
  inFlight.completes('b')
  inFlight.drained()
  inFlight.completes('c')
  seen.push(inFlight.isExchanging)
  inFlight.fetched('d', single)
  seen.push(inFlight.isExchanging)

  expect(seen).toEqual([false, true, false, false, true])
})

test('one that completes leaves room for the one that comes in exchange', () => {
  const inFlight = new InFlight(() => 512)
  for (let index = 0; index < 16; index += 1) inFlight.fetched(`id-${index}`, single)

  inFlight.started('id-0')
  const started = inFlight.concurrency
  inFlight.completes('id-0')

  expect(started).toBe(17)
  expect(inFlight.concurrency).toBe(17)
})

test('a job that holds no prediction weighs nothing, and shows that the queue is not drained', () => {
  const inFlight = new InFlight(() => 512)
  inFlight.fetched('a', single)
  inFlight.started('a')
  inFlight.drained()
  inFlight.completes('a')

  inFlight.fetched('broken', undefined)

  expect(inFlight.predictions).toBe(0)
  expect(inFlight.isAnyAhead).toBe(false)
  expect(inFlight.isExchanging).toBe(true)
})

test('how much may be held can change while something is held', () => {
  let maxRows = 4
  const inFlight = new InFlight(() => maxRows)
  for (let index = 0; index < 4; index += 1) {
    inFlight.fetched(`id-${index}`, single)
    inFlight.started(`id-${index}`)
  }

  const seen = [4, 10, 2].map((changed) => {
    maxRows = changed
    return inFlight.concurrency
  })

  expect(seen).toEqual([4, 10, 4])
})

test('a pack weighs its rows, and counts as its predictions', () => {
  const inFlight = new InFlight(() => 200)

  inFlight.fetched('pack', { predictions: 60, rows: 80, bytes: 1000 })
  inFlight.started('pack')
  inFlight.fetched('single', single)

  expect(inFlight.predictions).toBe(61)
  expect(inFlight.isAnyAhead).toBe(true)
  inFlight.remove('single')
  expect(inFlight.isAnyAhead).toBe(false)
  inFlight.fetched('another', { predictions: 60, rows: 80, bytes: 1000 })
  expect(inFlight.concurrency).toBe(2)
})
