import { endWithStarter } from './end-with-starter.ts'
import { runCheck } from './run-check.ts'

// `npm run fix`: mends what a program can mend of what `npm run check` finds. Lint comes first, as what it writes is
// not formatted; what it can't mend is shown, and does not keep the rest from being formatted.

const isSignal = (exitCode: number) => exitCode >= 128

endWithStarter()
const lint = await runCheck({ name: 'lint', tool: 'oxlint', args: ['--type-aware', '--fix'] })
const format = isSignal(lint)
  ? lint
  : await runCheck({ name: 'format', tool: 'prettier', args: ['--write', '--log-level', 'warn', '.'] })
process.exitCode = lint === 0 && format === 0 ? 0 : 1
