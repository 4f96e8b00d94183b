import { expect, test } from 'vitest'
import { RestartPace } from './restart-pace.ts'

const dead = (deaths: number) => {
  const pace = new RestartPace()
  for (let death = 0; death < deaths; death++) pace.executorDied()
  return pace
}

test('deaths that rows explain don’t slow the restarts down, however many there are', () => {
  const pace = new RestartPace()

  const delays = Array.from({ length: 20 }, () => {
    for (let death = 0; death < 3; death++) pace.executorDied()
    pace.explainDeaths(3)
    return pace.delayMs
  })

  expect(delays).toEqual(Array(20).fill(0))
})

test('those before them still do', () => {
  const pace = dead(5)
  const before = pace.delayMs

  pace.executorDied()
  pace.explainDeaths(1)

  expect(before).toBe(500)
  expect(pace.delayMs).toBe(500)
})
