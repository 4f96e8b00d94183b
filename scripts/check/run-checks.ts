import { runCheck } from './run-check.ts'
import type { Check } from './run-check.ts'

/** Runs every check that is no test, in turn, up to the first that fails; answers its exit code. */
export const runChecks = async () => {
  for (const check of checks) {
    const exitCode = await runCheck(check)
    if (exitCode !== 0) return exitCode
  }
  return 0
}

/** Files that have not changed since they were found well formatted are not looked at again. */
const cache = ['--cache', '--cache-strategy', 'content', '--cache-location', '.cache/prettier']

const checks: readonly Check[] = [
  { name: 'types', tool: 'tsc', args: ['--noEmit', '-p', '.'] },
  { name: 'lint', tool: 'oxlint', args: ['--type-aware'] },
  {
    name: 'format',
    tool: 'prettier',
    args: ['--check', ...cache, '--log-level', 'warn', '.'],
  },
  { name: 'unused code', tool: 'knip', args: [] },
]
