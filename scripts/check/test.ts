import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChild } from '../bootstrap/run-child.mjs'
import { runCheck } from './run-check.ts'
import type { Check } from './run-check.ts'
import { summarizeTests } from './summarize-tests.ts'

// `npm test`: every check in turn, up to the first that fails, then the tests. With arguments (`npm test --
// tests/some.test.ts`) only the tests, and the arguments are vitest's.

const checks: readonly Check[] = [
  { name: 'types', tool: 'tsc', args: ['--noEmit', '-p', '.'] },
  { name: 'lint', tool: 'oxlint', args: ['--type-aware'] },
  { name: 'format', tool: 'prettier', args: ['--check', '--log-level', 'warn', '.'] },
  { name: 'unused code', tool: 'knip', args: [] },
]

const runTests = async (args: readonly string[]) => {
  const folder = mkdtempSync(join(tmpdir(), 'onqueue-vitest-'))
  const report = join(folder, 'report.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const exitCode = await runChild(process.execPath, [
      'node_modules/.bin/vitest',
      'run',
      ...reporters,
      ...args,
    ])
    // there is none when vitest could not start, which it has explained itself
    if (existsSync(report)) console.log(summarizeTests(JSON.parse(readFileSync(report, 'utf8'))))
    return exitCode
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const runAll = async (args: readonly string[]) => {
  for (const check of args.length > 0 ? [] : checks) {
    const exitCode = await runCheck(check)
    if (exitCode !== 0) return exitCode
  }
  return runTests(args)
}

// Whoever started this is gone: a Ctrl-C that was not in a terminal, or worse.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
process.channel?.unref()

process.exitCode = (await runAll(process.argv.slice(2))) === 0 ? 0 : 1
