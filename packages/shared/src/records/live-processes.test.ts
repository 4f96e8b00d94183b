import { expect, test } from 'vitest'
import { readByAll, SteadyReads } from './live-processes.ts'

const api = (...reads: string[]) => ({ app: 'api' as const, reads })
const webhooks = (...reads: string[]) => ({ app: 'webhooks' as const, reads })

test('what all live processes read may be written, and nothing else', () => {
  expect(readByAll([api('a', 'b'), webhooks('b', 'c')], { api: 1, webhooks: 1 })).toEqual(['b'])
})

test('a process that listens and has no heartbeat reads nothing new', () => {
  const beats = [api('a'), webhooks('a')]

  expect(readByAll(beats, { api: 2, webhooks: 1 })).toEqual([])
  expect(readByAll(beats, { api: 1, webhooks: 2 })).toEqual([])
})

test('a process that does not listen yet, or was killed, is none that is missing', () => {
  expect(readByAll([api('a'), api('a')], { api: 1, webhooks: 0 })).toEqual(['a'])
})

test('without any process nothing is read by all', () => {
  expect(readByAll([], { api: 0, webhooks: 0 })).toEqual([])
})

test('what all read is believed when it has been so for a while, and so is what they do not', () => {
  const steady = new SteadyReads(['a'], 8000)
  const look = (now: number, ...names: string[]) => [
    steady.see(now, names),
    steady.isRead('a'),
    steady.stateOf('a'),
  ]

  expect(steady.stateOf('a')).toBe('unknown')
  expect(look(0, 'a')).toEqual([false, true, 'unknown'])
  expect(look(7999, 'a')).toEqual([false, true, 'unknown'])
  expect(look(8000, 'a', 'b')).toEqual([true, true, 'yes'])
  expect(look(10_000)).toEqual([true, false, 'unknown'])
  expect(look(17_999)).toEqual([false, false, 'unknown'])
  expect(look(18_000)).toEqual([true, false, 'no'])
  expect(look(20_000, 'a')).toEqual([true, true, 'unknown'])
})

test('what this process does not read itself is read by nobody', () => {
  expect(new SteadyReads(['a'], 8000).stateOf('b')).toBe('no')
})
