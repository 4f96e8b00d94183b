import { expect, test } from 'vitest'
import { Suspicion } from './suspicion.ts'
import type { Death } from './suspicion.ts'

const crashedIn = (from: number, to = from): Death => ({ rows: [from, to], how: 'crashed' })
const killedIn = (from: number, to = from): Death => ({ rows: [from, to], how: 'killed' })
const atRest: Death = { rows: undefined, how: 'crashed' }

test('a row that ends executors is convicted at the third death: once among others, and twice alone', () => {
  const suspicion = new Suspicion(new Map())

  expect(suspicion.executorDied(crashedIn(0, 1023))).toBeUndefined()
  expect(suspicion.careful).toEqual([0, 1023])
  expect(suspicion.executorDied(crashedIn(7))).toBeUndefined()
  expect(suspicion.executorDied(crashedIn(7))).toEqual({ row: 7, code: 'executor_crashed', deaths: 3 })
  expect([...suspicion.convicted]).toEqual([[7, 'executor_crashed']])
  expect(suspicion.isHopeless).toBe(false)
})

test('a conviction explains the deaths since the one before, and none of those at rest', () => {
  const suspicion = new Suspicion(new Map())

  suspicion.executorDied(crashedIn(0, 1023))
  suspicion.executorDied(atRest)
  suspicion.executorDied(crashedIn(7))
  const first = suspicion.executorDied(crashedIn(7))
  suspicion.executorDied(crashedIn(9))
  const second = suspicion.executorDied(crashedIn(9))

  expect([first?.deaths, second?.deaths]).toEqual([3, 2])
})

test('a row that hangs is told from one that crashes', () => {
  const suspicion = new Suspicion(new Map([[3, 'executor_crashed']]))

  suspicion.executorDied({ rows: [4, 4], how: 'timed_out' })

  expect(suspicion.executorDied({ rows: [4, 4], how: 'timed_out' })).toMatchObject({
    row: 4,
    code: 'timed_out',
  })
  expect([...suspicion.convicted.keys()]).toEqual([3, 4])
})

test('after one kill from outside the micro-batches stay whole', () => {
  const suspicion = new Suspicion(new Map())

  suspicion.executorDied(killedIn(0, 1023))

  expect(suspicion.careful).toBeUndefined()
  expect(suspicion.executorDied(killedIn(0, 1023))).toBeUndefined()
  expect(suspicion.careful).toEqual([0, 1023])
})

test('kills that meet different rows convict none', () => {
  const suspicion = new Suspicion(new Map())

  const convictions = [1, 2, 3, 4].map((row) => suspicion.executorDied(killedIn(row)))

  expect(convictions).toEqual([undefined, undefined, undefined, undefined])
})

test('two micro-batches don’t accuse each other for ever: what was suspected stays so', () => {
  const suspicion = new Suspicion(new Map())

  suspicion.executorDied(crashedIn(0, 1023))
  suspicion.executorDied(crashedIn(2048, 3071))

  expect(suspicion.careful).toEqual([0, 3071])
})

test('an executor that dies again and again with no row under way is given up', () => {
  const suspicion = new Suspicion(new Map())

  const given = [1, 2, 3, 4].map(() => {
    suspicion.executorDied(atRest)
    return suspicion.isHopeless
  })

  expect(given).toEqual([false, false, false, true])
  expect(suspicion.careful).toBeUndefined()
})

test('suspects that ran alone run together once more, without those that were convicted', () => {
  const suspicion = new Suspicion(new Map())
  suspicion.executorDied(crashedIn(0, 1023))
  suspicion.executorDied(crashedIn(7))
  suspicion.executorDied(crashedIn(7))

  expect(suspicion.acquit()).toBe(true)
  expect(suspicion.careful).toBeUndefined()
  expect([...suspicion.convicted.keys()]).toEqual([7])
})

test('where nobody was suspected nothing is scored twice', () => {
  const suspicion = new Suspicion(new Map())
  suspicion.executorDied(killedIn(0, 1023))

  expect(suspicion.acquit()).toBe(false)
})

test('rows that end it only together run alone in the end', () => {
  const suspicion = new Suspicion(new Map())

  const acquitted = [1, 2, 3, 4].map(() => {
    suspicion.executorDied(crashedIn(0, 1023))
    return suspicion.acquit()
  })

  expect(acquitted).toEqual([true, true, true, false])
  expect(suspicion.careful).toEqual([0, 1023])
})
