import fc from 'fast-check'
import { expect, test } from 'vitest'
import { closedCircuit } from '../attempts/retry-policy.ts'
import type { Circuit } from '../attempts/retry-policy.ts'
import { planRooms } from './plan-rooms.ts'

/** At 1000, with room for 8 attempts, of which 4 to one endpoint. */
const plan = (
  endpoints: string[],
  {
    inFlight = {},
    circuits = {},
  }: { inFlight?: Record<string, number>; circuits?: Record<string, Circuit> } = {},
) =>
  planRooms({
    endpoints,
    inFlight: new Map(Object.entries(inFlight)),
    circuitOf: (endpoint) => circuits[endpoint] ?? closedCircuit,
    maxInFlight: 8,
    maxPerEndpoint: 4,
    now: 1000,
  })

const open: Circuit = { failuresInARow: 5, notBefore: 0 }

test('an endpoint gets as much as it can take, and is looked at again at once', () => {
  expect(plan(['alice a'])).toEqual([{ endpoint: 'alice a', room: 4, lookAt: 1000 }])
})

test('what is under way to an endpoint takes of its room', () => {
  expect(plan(['alice a'], { inFlight: { 'alice a': 3 } })).toEqual([
    { endpoint: 'alice a', room: 1, lookAt: 1000 },
  ])
})

test('an endpoint that is full is left out, and hides no other', () => {
  expect(plan(['alice a', 'bob b'], { inFlight: { 'alice a': 4 } })).toEqual([
    { endpoint: 'bob b', room: 4, lookAt: 1000 },
  ])
})

test('an endpoint whose circuit is open gets one attempt at a time', () => {
  expect(plan(['alice a'], { circuits: { 'alice a': open } })).toEqual([
    { endpoint: 'alice a', room: 1, lookAt: 1000 },
  ])
  expect(plan(['alice a'], { circuits: { 'alice a': open }, inFlight: { 'alice a': 1 } })).toEqual([])
})

test('an endpoint that is to be left alone is looked at when that is over', () => {
  const until = (notBefore: number) => ({ circuits: { 'alice a': { failuresInARow: 0, notBefore } } })

  expect(plan(['alice a'], until(1001))).toEqual([{ endpoint: 'alice a', room: 0, lookAt: 1001 }])
  expect(plan(['alice a'], until(1000))).toEqual([{ endpoint: 'alice a', room: 4, lookAt: 1000 }])
})

test('an owner has half of all, and what waits for it is looked at half a second later', () => {
  expect(plan(['alice a', 'alice b', 'bob c', 'alice d', 'bob e'])).toEqual([
    { endpoint: 'alice a', room: 4, lookAt: 1000 },
    { endpoint: 'alice b', room: 0, lookAt: 1500 },
    { endpoint: 'bob c', room: 4, lookAt: 1000 },
  ])
})

test('what an owner has under way elsewhere takes of its half', () => {
  expect(plan(['alice a'], { inFlight: { 'alice b': 2, 'alice c': 1, 'bob d': 1 } })).toEqual([
    { endpoint: 'alice a', room: 1, lookAt: 1000 },
  ])
})

test('an owner whose half is full is looked at later, not left out', () => {
  expect(plan(['alice a'], { inFlight: { 'alice b': 4 } })).toEqual([
    { endpoint: 'alice a', room: 0, lookAt: 1500 },
  ])
})

test('when all are under way nothing is planned', () => {
  expect(plan(['carol c'], { inFlight: { 'alice a': 4, 'bob b': 4 } })).toEqual([])
})

test('an odd number is shared with one more for each', () => {
  const [room] = planRooms({
    endpoints: ['alice a'],
    inFlight: new Map(),
    circuitOf: () => closedCircuit,
    maxInFlight: 5,
    maxPerEndpoint: 9,
    now: 0,
  })

  expect(room).toEqual({ endpoint: 'alice a', room: 3, lookAt: 0 })
})

test('no plan exceeds what all, an owner or an endpoint may have under way', () => {
  const endpoint = fc.constantFrom('alice a', 'alice b', 'bob c', 'bob d', 'carol e')
  const circuit = fc.record({ failuresInARow: fc.nat(9), notBefore: fc.nat(2) })
  fc.assert(
    fc.property(
      fc.uniqueArray(endpoint),
      fc.dictionary(endpoint, fc.integer({ min: 1, max: 4 })),
      fc.dictionary(endpoint, circuit),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 4 }),
      (endpoints, under, circuits, maxInFlight, maxPerEndpoint) => {
        const inFlight = new Map(Object.entries(under))
        const sum = (of: (endpoint: string) => boolean, counts: Iterable<readonly [string, number]>) =>
          [...counts].reduce((total, [name, count]) => total + (of(name) ? count : 0), 0)

        const rooms = planRooms({
          endpoints,
          inFlight,
          circuitOf: (name) => circuits[name] ?? closedCircuit,
          maxInFlight,
          maxPerEndpoint,
          now: 1,
        })

        const taken = rooms.map(({ endpoint: name, room }) => [name, room] as const)
        const exceeds = (of: (name: string) => boolean, max: number) =>
          sum(of, taken) > 0 && sum(of, taken) + sum(of, inFlight) > max
        expect(rooms.filter(({ room, lookAt }) => room < 0 || lookAt < 1)).toEqual([])
        expect(exceeds(() => true, maxInFlight)).toBe(false)
        for (const owner of ['alice', 'bob', 'carol']) {
          expect(exceeds((name) => name.startsWith(owner), Math.ceil(maxInFlight / 2))).toBe(false)
        }
        for (const [name] of taken) expect(exceeds((other) => other === name, maxPerEndpoint)).toBe(false)
      },
    ),
  )
})
