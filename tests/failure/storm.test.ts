import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runForTest } from '../support/running-program.ts'
import { root } from '../support/stack.ts'

/** Some kills and freezes of all sorts. `npm run storm` runs the long ones. */
const stormArguments = ['--seed', '8', '--predictions', '50']

test('half a minute of kills loses, mixes up and changes nothing', { timeout: 400_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'onqueue-storm-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))

  const storm = runForTest(process.execPath, [
    join(root, 'storm/main.ts'),
    ...stormArguments,
    '--output',
    join(folder, 'storm.json'),
  ])
  const exitCode = await storm.exited

  expect(storm.output()).toContain('Nothing was lost, mixed up, changed, doubled or left behind.')
  expect(exitCode).toBe(0)
})
