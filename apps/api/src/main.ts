import { runProcess } from '@onqueue/shared'
import { readConfig } from './config.ts'
import { startApi } from './server.ts'

await runProcess('api', (ending) => startApi(readConfig(process.env), ending))
