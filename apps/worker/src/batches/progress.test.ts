import { expect, test } from 'vitest'
import { Progress } from './progress.ts'

const limits = { cpuMs: 30_000, clockMs: 600_000, starvedAfterMs: 60_000 }

/** Looks every half a second at a process that gets some of a core; the seconds after which something was found, and what. */
const watch = (
  progress: Progress,
  {
    share,
    seconds,
    moves = false,
    computes = true,
  }: { share: number; seconds: number; moves?: boolean; computes?: boolean },
) => {
  for (let second = 0; second <= seconds; second += 0.5) {
    if (moves) progress.moved()
    const found = progress.look({
      now: second * 1000,
      cpuMs: share * second * 1000,
      isComputing: computes,
    })
    if (found) return [second, found]
  }
  return undefined
}

test('rows hang that compute for longer than they may', () => {
  expect(watch(new Progress(limits), { share: 1, seconds: 3600 })).toEqual([30.5, 'hangs'])
})

test('on a busy machine they have as much of a core, not of the clock', () => {
  expect(watch(new Progress(limits), { share: 0.1, seconds: 3600 })).toEqual([300.5, 'hangs'])
})

test('whoever says something has not hung', () => {
  expect(watch(new Progress(limits), { share: 1, seconds: 3600, moves: true })).toBeUndefined()
})

test('what waits for ever without computing hangs too, in the end', () => {
  const waiting = { share: 0, seconds: 3600, computes: false }

  expect(watch(new Progress(limits), waiting)).toEqual([600.5, 'hangs'])
})

test('it starves that gets hardly anything of a core for a minute, though it moves', () => {
  const starving = { share: 0.01, seconds: 3600, moves: true }

  expect(watch(new Progress(limits), starving)).toEqual([60, 'starves'])
  expect(watch(new Progress({ ...limits, starvedAfterMs: undefined }), starving)).toBeUndefined()
})

test('a tenth of a core is no starving', () => {
  expect(watch(new Progress(limits), { share: 0.1, seconds: 3600, moves: true })).toBeUndefined()
})

test('whoever waits for the disk does not starve', () => {
  const waiting = { share: 0.01, seconds: 3600, moves: true, computes: false }

  expect(watch(new Progress(limits), waiting)).toBeUndefined()
})

test('a look at a whole minute is one: what was before does not count', () => {
  const progress = new Progress(limits)
  const look = (seconds: number, cpuMs: number) => {
    progress.moved()
    return progress.look({ now: seconds * 1000, cpuMs, isComputing: true })
  }

  expect([look(0, 0), look(60, 60_000), look(119, 60_100), look(121, 60_200)]).toEqual([
    undefined,
    undefined,
    undefined,
    'starves',
  ])
})
