import { expect, test } from 'vitest'
import { foundNothing, runStorm } from '../support/run-storm.ts'

/** Some kills and freezes of all sorts. `npm run storm` runs the long ones. */
test('half a minute of kills loses, mixes up and changes nothing', { timeout: 400_000 }, async () => {
  const { exitCode, output } = await runStorm('--seed', '8', '--predictions', '50')

  expect(output).toContain(foundNothing)
  expect(exitCode).toBe(0)
})
