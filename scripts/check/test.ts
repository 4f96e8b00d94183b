import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChild } from '../bootstrap/run-child.mjs'
import { endWithStarter } from './end-with-starter.ts'
import { runChecks } from './run-checks.ts'
import { summarizeTests } from './summarize-tests.ts'

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

// `npm test`: every check at once, then, where none failed, the tests. With arguments (`npm test --
// tests/some.test.ts`) only the tests, and the arguments are vitest's.

endWithStarter()
const args = process.argv.slice(2)
const checked = args.length > 0 ? 0 : await runChecks()
const exitCode = checked === 0 ? await runTests(args) : checked
process.exitCode = exitCode === 0 ? 0 : 1
