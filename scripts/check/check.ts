import { endWithStarter } from './end-with-starter.ts'
import { runChecks } from './run-checks.ts'

// `npm run check`: what `npm test` does before the tests.

endWithStarter()
process.exitCode = (await runChecks()) === 0 ? 0 : 1
