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

const checks: readonly Check[] = [
  { name: 'types', tool: 'tsc', args: ['--noEmit', '-p', '.'] },
  { name: 'lint', tool: 'oxlint', args: ['--type-aware'] },
  { name: 'format', tool: 'prettier', args: ['--check', '--log-level', 'warn', '.'] },
  { name: 'unused code', tool: 'knip', args: [] },
]
