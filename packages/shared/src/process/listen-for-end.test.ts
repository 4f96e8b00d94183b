import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { listenForEnd } from './listen-for-end.ts'

const listen = () => {
  const source = new EventEmitter()
  const clock = { ms: 0 }
  const exits: number[] = []
  const end = listenForEnd(source, { now: () => clock.ms, exit: (code) => exits.push(code) })
  return { source, clock, exits, end }
}

test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'])('%s is a request to end', async (event) => {
  const { source, end } = listen()

  source.emit(event)

  await end.requested
  expect(end.signal.aborted).toBe(true)
  expect(end.isAbandoned()).toBe(event === 'disconnect')
})

test('one Ctrl-C that arrives twice counts once, a second one ends at once', () => {
  const { source, clock, exits } = listen()

  source.emit('SIGINT')
  clock.ms = 20
  source.emit('SIGINT')
  expect(exits).toEqual([])

  clock.ms = 1000
  source.emit('SIGINT')
  expect(exits).toEqual([130])
})

test('who repeats another signal is in no hurry', () => {
  const { source, clock, exits } = listen()

  for (const event of ['SIGTERM', 'SIGTERM', 'SIGHUP', 'disconnect']) {
    source.emit(event)
    clock.ms += 1000
  }

  expect(exits).toEqual([])
})

test('a starter that goes while the process ends is noticed too', async () => {
  const { source, end } = listen()

  source.emit('SIGTERM')
  expect(end.isAbandoned()).toBe(false)
  source.emit('disconnect')

  await end.abandoned
  expect(end.isAbandoned()).toBe(true)
})
