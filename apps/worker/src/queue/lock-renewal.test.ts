import { expect, onTestFinished, test, vi } from 'vitest'
import { LockRenewal } from './lock-renewal.ts'

const open = () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const extended: [ids: string[], tokens: string[]][] = []
  const locks = new LockRenewal({
    intervalMs: 5000,
    extend: async (ids, tokens) => void extended.push([ids, tokens]),
  })
  onTestFinished(() => locks.close())
  return { locks, extended }
}

test('what is being processed keeps its lock, and nothing else does', () => {
  const { locks, extended } = open()
  locks.hold('iris-1', 'a')
  locks.hold('iris-2', 'b')

  vi.advanceTimersByTime(5000)
  locks.release('a')
  vi.advanceTimersByTime(5000)
  locks.release('b')
  vi.advanceTimersByTime(5000)

  expect(extended).toEqual([
    [
      ['iris-1', 'iris-2'],
      ['a', 'b'],
    ],
    [['iris-2'], ['b']],
  ])
})

test('one that was lost and taken again here keeps its new lock when the first run of it ends', () => {
  const { locks, extended } = open()
  locks.hold('iris-1', 'lost')
  locks.hold('iris-1', 'new')

  locks.release('lost')
  vi.advanceTimersByTime(5000)

  expect(extended).toEqual([[['iris-1'], ['new']]])
})

test('nothing is looked at while nothing is held, and locks are renewed again when something is', () => {
  const { locks, extended } = open()
  expect(vi.getTimerCount()).toBe(0)
  locks.hold('iris-1', 'a')
  locks.release('a')
  vi.advanceTimersByTime(5000)
  expect(vi.getTimerCount()).toBe(0)

  locks.hold('iris-2', 'b')
  vi.advanceTimersByTime(10_000)

  expect(extended).toEqual(Array(2).fill([['iris-2'], ['b']]))
})

test('closed, it renews nothing', () => {
  const { locks, extended } = open()
  locks.hold('iris-1', 'a')

  locks.close()
  vi.advanceTimersByTime(60_000)

  expect(extended).toEqual([])
})
