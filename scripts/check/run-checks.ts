import { runCheck } from './run-check.ts'
import type { Check } from './run-check.ts'

/** Runs every check that is no test, all at once as most of them keep one processor busy; answers the exit code of one that failed. */
export const runChecks = async () => {
  const exitCodes = await Promise.all(checks.map(runCheck))
  return exitCodes.find((exitCode) => exitCode !== 0) ?? 0
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
