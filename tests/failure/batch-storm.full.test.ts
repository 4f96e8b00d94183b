import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runForTest } from '../support/running-program.ts'
import { root } from '../support/stack.ts'

/** One blow of each sort. `npm run storm -- --batch` runs a million rows. */
const stormArguments = ['--seed', '8', '--batch', '--rows', '60000']

test('a batch in the middle of kills of everybody has the same output', { timeout: 400_000 }, async () => {
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
