import { apps } from './apps.ts'
import { startInForeground } from './start-in-foreground.ts'

if (process.argv.length > 2) {
  console.error(
    'npm start takes no arguments: settings are variables, such as PORT=9000 in .env or before the command; .env.example has all of them.',
  )
  process.exitCode = 1
} else await startInForeground({ apps })
