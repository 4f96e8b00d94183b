import { expect, test } from 'vitest'
import { Hand } from './in-flight.ts'

const single = { arrayLength: null, inputBytes: 100 }

test('an empty hand fetches a little ahead', () => {
  const hand = new Hand(512)

  expect(hand.concurrency(0)).toBe(16)
})

test('what was handed over makes room to fetch more', () => {
  const hand = new Hand(512)

  for (let index = 0; index < 16; index += 1) hand.fetched(`id-${index}`, single)
  const before = hand.concurrency(0)
  for (let index = 0; index < 16; index += 1) hand.handedOver(`id-${index}`)

  expect(before).toBe(16)
  expect(hand.isAnyAhead).toBe(false)
  expect(hand.concurrency(0)).toBe(32)
})

test('a full hand fetches nothing', () => {
  const hand = new Hand(20)

  for (let index = 0; index < 20; index += 1) {
    hand.fetched(`id-${index}`, single)
    hand.handedOver(`id-${index}`)
  }

  expect(hand.concurrency(0)).toBe(20)
})

test('rows are what counts, and a large array leaves half of the hand to others', () => {
  const hand = new Hand(100)

  hand.fetched('large', { arrayLength: 1000, inputBytes: 100 })
  hand.handedOver('large')
  hand.fetched('small', single)
  hand.handedOver('small')

  expect(hand.concurrency(0)).toBe(2 + 16)
  hand.fetched('another', { arrayLength: 1000, inputBytes: 100 })
  expect(hand.concurrency(0)).toBe(3)
})

test('large inputs are bounded by their bytes', () => {
  const hand = new Hand(512)

  for (let index = 0; index < 6; index += 1) {
    hand.fetched(`id-${index}`, { arrayLength: null, inputBytes: 10 * 1024 * 1024 })
    hand.handedOver(`id-${index}`)
  }

  expect(hand.concurrency(0)).toBe(6)
})

test('what leaves the hand makes room, and may leave it twice', () => {
  const hand = new Hand(2)
  hand.fetched('a', single)
  hand.handedOver('a')
  hand.fetched('b', single)
  hand.handedOver('b')

  hand.remove('a')
  hand.remove('a')

  expect(hand.size).toBe(1)
  expect(hand.concurrency(1)).toBe(2)
})
