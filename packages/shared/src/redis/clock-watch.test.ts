import { expect, test } from 'vitest'
import { ClockWatch } from './clock-watch.ts'

const openWatch = () => {
  const lines: unknown[][] = []
  const watch = new ClockWatch({
    warn: (...line: unknown[]) => void lines.push(['warn', ...line]),
    info: (...line: unknown[]) => void lines.push(['info', ...line]),
  })
  const see = (aheadMs: number, vaguenessMs = 1) => watch.see(aheadMs, { vaguenessMs })
  return { watch, see, lines }
}

test('clocks that are within two seconds are nothing to tell', () => {
  const { watch, see, lines } = openWatch()

  for (const aheadMs of [0, 1999, -1999]) see(aheadMs)

  expect(lines).toEqual([])
  expect(watch.warnings()).toEqual([])
})

test('clocks that are further apart are logged once, with what to do, and once when it is over', () => {
  const { see, lines } = openWatch()

  for (const aheadMs of [600_000, 600_010, -86_400_000, 1500, 20]) see(aheadMs)

  expect(lines).toEqual([
    [
      'warn',
      { aheadSeconds: 600, remedy: 'set the one that is wrong, by NTP say' },
      "this machine's clock is not that of Redis",
    ],
    ['info', { aheadSeconds: 0 }, "this machine's clock and that of Redis agree again"],
  ])
})

test('while they are apart a sentence says by how much and in which direction', () => {
  const { watch, see } = openWatch()

  see(600_000)
  const ahead = watch.warnings()
  see(-7200_000)
  const behind = watch.warnings()

  expect(ahead).toEqual([
    "this machine's clock is 600 s ahead of that of Redis: set the one that is wrong, by NTP say; what is done to predictions goes by that of Redis",
  ])
  expect(behind).toEqual([expect.stringContaining('is 7200 s behind that of Redis')])
})

test('a distance that is not known well enough is not told', () => {
  const { watch, see } = openWatch()

  see(2500, 600)

  expect(watch.warnings()).toEqual([])
})
