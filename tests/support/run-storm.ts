import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { runForTest } from './running-program.ts'
import { root } from './stack.ts'

/** What a storm says in its report that found no fault. */
export const foundNothing = 'Nothing was lost, mixed up, changed, doubled or left behind.'

/** Runs a storm as `npm run storm` does, to its end. */
export const runStorm = async (...args: string[]) => {
  const folder = await mkdtemp(join(tmpdir(), 'onqueue-storm-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const storm = runForTest(process.execPath, [
    join(root, 'storm/main.ts'),
    ...args,
    '--output',
    join(folder, 'storm.json'),
  ])
  const exitCode = await storm.exited
  return { exitCode, output: storm.output() }
}
