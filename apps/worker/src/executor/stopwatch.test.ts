import { expect, test } from 'vitest'
import { startStopwatch } from './stopwatch.ts'

/** A stopwatch with clocks that a test moves. */
const start = (providers: string[]) => {
  const clocks = { wallMs: 1000, cpuMs: 50 }
  const stop = startStopwatch(providers, () => ({ ...clocks }))
  return ({ wallMs, cpuMs }: { wallMs: number; cpuMs: number }) => {
    clocks.wallMs += wallMs
    clocks.cpuMs += cpuMs
    return stop()
  }
}

test('what a run waited for a core is no part of what it computed', () => {
  const stop = start(['cpu'])

  expect(stop({ wallMs: 280, cpuMs: 98 })).toEqual({ runMs: 280, computeMs: 98 })
})

test('a run never computed for longer than it took', () => {
  const stop = start(['cpu'])

  expect(stop({ wallMs: 98, cpuMs: 102 })).toEqual({ runMs: 98, computeMs: 98 })
})

test('where a GPU computes the clock counts', () => {
  const stop = start(['cuda', 'cpu'])

  expect(stop({ wallMs: 98, cpuMs: 3 })).toEqual({ runMs: 98, computeMs: 98 })
})

test('the clocks of the system tell what a thread that computes has had of a core', () => {
  const stop = startStopwatch(['cpu'])
  const until = performance.now() + 20
  while (performance.now() < until);

  const { runMs, computeMs } = stop()

  expect(runMs).toBeGreaterThanOrEqual(20)
  expect(computeMs).toBeGreaterThan(0)
  expect(computeMs).toBeLessThanOrEqual(runMs)
})
