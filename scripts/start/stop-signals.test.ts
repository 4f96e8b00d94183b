import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { listenForStop } from './stop-signals.ts'

const listen = () => {
  const source = new EventEmitter()
  const clock = { ms: 0 }
  const { stop, kill } = listenForStop(source, { now: () => clock.ms })
  return { source, clock, stop, kill }
}

test('the first Ctrl-C stops in order, the second one ends at once', () => {
  const { source, clock, stop, kill } = listen()

  source.emit('SIGINT')
  expect([stop.aborted, kill.aborted]).toEqual([true, false])

  clock.ms = 1000
  source.emit('SIGINT')
  expect(kill.aborted).toBe(true)
})

test('one Ctrl-C that arrives twice, by the terminal and by npm, counts once', () => {
  const { source, clock, kill } = listen()

  source.emit('SIGINT')
  clock.ms = 20
  source.emit('SIGINT')

  expect(kill.aborted).toBe(false)
})

test('a SIGTERM after a Ctrl-C changes nothing', () => {
  const { source, clock, kill } = listen()

  source.emit('SIGINT')
  clock.ms = 1000
  source.emit('SIGTERM')

  expect(kill.aborted).toBe(false)
})

test.each(['SIGTERM', 'SIGHUP', 'disconnect'])('%s stops in order too', (event) => {
  const { source, stop } = listen()

  source.emit(event)

  expect(stop.aborted).toBe(true)
})
