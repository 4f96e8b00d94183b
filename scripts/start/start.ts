import { apps } from './apps.ts'
import { startInForeground } from './start-in-foreground.ts'

await startInForeground({ apps })
