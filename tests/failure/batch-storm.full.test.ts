import { expect, test } from 'vitest'
import { foundNothing, runStorm } from '../support/run-storm.ts'

/** One blow of each sort. `npm run storm -- --batch` runs a million rows. */
test('a batch in the middle of kills of everybody has the same output', { timeout: 400_000 }, async () => {
  const { exitCode, output } = await runStorm('--seed', '8', '--batch', '--rows', '60000')

  expect(output).toContain(foundNothing)
  expect(exitCode).toBe(0)
})
